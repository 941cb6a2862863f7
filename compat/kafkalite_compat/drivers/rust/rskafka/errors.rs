//! rskafka's errors, as the suite is told them.

use rskafka::client::error::{Error, ProtocolError};
use serving::{failed, kafka_name, Problem};

pub fn explained(error: &Error) -> Problem {
    match error {
        Error::ServerError { protocol_error, .. } => of_broker(*protocol_error, error.to_string()),
        other => failed(other.to_string()),
    }
}

fn of_broker(error: ProtocolError, text: String) -> Problem {
    Problem::Failed {
        code: code(error),
        name: Some(kafka_name(&format!("{error:?}"))),
        text,
    }
}

/// rskafka turns codes into errors and not back: the code is the one that becomes this error.
fn code(error: ProtocolError) -> Option<i32> {
    let mut codes = -1..i16::MAX;
    codes
        .find(|code| ProtocolError::new(*code) == Some(error))
        .map(i32::from)
}
