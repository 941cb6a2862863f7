package main

// groupConfigs: librdkafka takes a group for a resource that has configurations.
const groupConfigs = true
