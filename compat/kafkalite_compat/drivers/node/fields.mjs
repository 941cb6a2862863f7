/** The fields of the steps, as in DRIVERS.md. */

const PRODUCER = ['producer']
const CONSUMER = ['consumer']
const GROUP = ['group']
const TOPIC = ['topic']
const RESOURCE = ['resource', 'name']
const ACL = [...RESOURCE, 'principal', 'operation', 'permission']

const FIELDS = {
  start: ['bootstrap'],
  metadata: [...TOPIC, 'allow_auto_create'],
  describe_cluster: [],

  open_producer: [
    ...PRODUCER,
    ...['acks', 'compression', 'idempotence', 'transactional_id', 'transaction_timeout_ms', 'linger_ms'],
    ...['batch_bytes', 'max_request_bytes', 'retries', 'delivery_timeout_ms', 'max_in_flight']
  ],
  produce: [...PRODUCER, ...TOPIC, 'records'],
  begin: PRODUCER,
  commit: PRODUCER,
  abort: PRODUCER,
  send_offsets: [...PRODUCER, ...GROUP, ...CONSUMER, 'offsets'],
  close_producer: PRODUCER,

  open_consumer: [
    ...CONSUMER,
    ...GROUP,
    ...['reset', 'isolation', 'auto_commit', 'auto_commit_interval_ms', 'protocol', 'assignor', 'instance_id'],
    ...['session_timeout_ms', 'heartbeat_interval_ms', 'max_poll_interval_ms', 'fetch_max_bytes'],
    ...['partition_fetch_bytes', 'fetch_min_bytes', 'fetch_max_wait_ms', 'allow_auto_create']
  ],
  assign: [...CONSUMER, 'partitions'],
  subscribe: [...CONSUMER, 'topics', 'pattern'],
  poll: [...CONSUMER, 'timeout_ms', 'max_records'],
  assignment: CONSUMER,
  rebalances: CONSUMER,
  seek: [...CONSUMER, ...TOPIC, 'partition', 'offset'],
  position: [...CONSUMER, ...TOPIC, 'partition'],
  commit_offsets: [...CONSUMER, 'offsets'],
  committed: [...CONSUMER, 'partitions'],
  pause: [...CONSUMER, 'partitions'],
  resume: [...CONSUMER, 'partitions'],
  close_consumer: CONSUMER,
  list_offsets: [...TOPIC, 'partition', 'at', 'isolation'],

  create_topic: [...TOPIC, 'partitions', 'replication', 'configs', 'validate_only'],
  delete_topic: TOPIC,
  list_topics: [],
  describe_topic: TOPIC,
  create_partitions: [...TOPIC, 'total'],
  describe_configs: RESOURCE,
  alter_configs: [...RESOURCE, 'set', 'unset'],
  delete_records: [...TOPIC, 'partition', 'before'],
  list_groups: [],
  describe_group: GROUP,
  delete_group: GROUP,
  group_offsets: GROUP,
  alter_group_offsets: [...GROUP, 'offsets'],
  delete_group_offsets: [...GROUP, 'partitions'],
  create_acl: ACL,
  describe_acls: ACL,
  delete_acls: ACL,
  describe_log_dirs: [],
  list_transactions: []
}

/** The names of a request's fields that the step does not have. Null is as good as absent. */
export function unknownFields(request) {
  const known = ['id', 'op', ...(FIELDS[request.op] ?? [])]
  return Object.keys(request).filter((name) => request[name] !== null && !known.includes(name))
}
