"""The log cleaner: of a compacted log it keeps the last record of each key.

    offsets        0 ............ first dirty ............ first uncleanable ...... log end
                   | cleaned before |  dirty: map of its keys  |  left alone: active segment, open transactions, lag |

One cleaning of one log (Kafka: LogCleaner, Cleaner, LogCleanerManager):

    plan        on the loop         `plan.py`: what is there now, and what of it may be cleaned
    prepare     in a worker thread  `cleaning.py`: the map from each key of the dirty part to its last offset (`offset_map.py`)
    next_group  in a worker thread  a few neighbouring segments are copied into one, without what is obsolete (`batch_filter.py`,
                                    `transactions.py`), as `.cleaned` files (`segment_writer.py`)
    swap_in     on the loop         the copy takes the place of what it was made from, if that is still what it was
    finished    on the loop         `log_cleaner.py`: the dirty part begins later now, which `cleaner-offset-checkpoint` keeps

Offsets never change. The worker reads files of its own by their paths; whatever happens to the log meanwhile (truncation,
retention, deletion) is noticed when a group is to be swapped in, and the cleaning is given up.
"""
