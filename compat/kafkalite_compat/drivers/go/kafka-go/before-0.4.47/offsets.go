package main

// asksForAllOffsets: OffsetFetch without topics is about none.
const asksForAllOffsets = false
