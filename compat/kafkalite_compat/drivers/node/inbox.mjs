/**
 * Between a library that hands over batches in the background and a suite that polls.
 *
 * A batch is offered and stays until polls have taken its records, or it is dropped (seek, pause, a rebalance, the end); the library is
 * held up for as long, so no more is in memory than one batch per partition. What polls have given is the consumer's position.
 */
export class Inbox {
  #offers = []
  #waiting = []
  #failure = null
  /** "topic/partition" -> {topic, partition, offset} of the next record that a poll will give. */
  positions = new Map()

  /**
   * Offer a batch.
   *
   * @param {{topic: string, partition: number, offset: number}[]} records of one partition, as polls answer them
   * @param {(record: object) => void} taken called for each record that a poll takes
   */
  offer(topic, partition, records, taken = () => {}) {
    const offer = new Offer(topic, partition, records, taken)
    if (records.length) {
      this.#offers.push(offer)
      this.#wake()
    } else {
      offer.end()
    }
    return offer
  }

  /** Forget what is offered of a partition, or all. */
  drop(topic, partition) {
    const matches = (offer) => topic === undefined || (offer.topic === topic && offer.partition === partition)
    this.#offers.filter(matches).forEach((offer) => offer.end())
  }

  /** The next poll (or the one that waits) fails with this. */
  fail(error) {
    this.#failure = error
    this.#wake()
  }

  position(topic, partition) {
    return this.positions.get(`${topic}/${partition}`)?.offset
  }

  moveTo(topic, partition, offset) {
    this.positions.set(`${topic}/${partition}`, { topic, partition, offset })
  }

  /** Up to `max` records as soon as there is one, or none after `timeoutMs`. */
  async take(max, timeoutMs) {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      if (this.#failure) {
        const failure = this.#failure
        this.#failure = null
        throw failure
      }
      const records = this.#taken(max)
      const leftMs = deadline - performance.now()
      if (records.length || leftMs <= 0) return records
      await this.#offered(leftMs)
    }
  }

  #taken(max) {
    const records = []
    this.#offers = this.#offers.filter((offer) => !offer.ended)
    for (const offer of this.#offers) {
      while (records.length < max && !offer.ended) {
        const record = offer.next()
        this.moveTo(record.topic, record.partition, record.offset + 1)
        records.push(record)
      }
    }
    return records
  }

  #offered(withinMs) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs)
      this.#waiting.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #wake() {
    this.#waiting.splice(0).forEach((wake) => wake())
  }
}

/** A batch on offer. `done` resolves when nothing is left of it. */
class Offer {
  #at = 0
  #finish
  ended = false

  constructor(topic, partition, records, taken) {
    Object.assign(this, { topic, partition, records, taken })
    this.done = new Promise((resolve) => (this.#finish = resolve))
  }

  next() {
    const record = this.records[this.#at++]
    this.taken(record)
    if (this.#at === this.records.length) this.end()
    return record
  }

  end() {
    this.ended = true
    this.#finish()
  }
}
