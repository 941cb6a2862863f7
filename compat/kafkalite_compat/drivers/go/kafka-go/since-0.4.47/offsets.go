package main

// asksForAllOffsets: OffsetFetch without topics is about all of a group.
const asksForAllOffsets = true
