package main

// groupConfigs: to this librdkafka a group is a resource of ACLs only.
const groupConfigs = false
