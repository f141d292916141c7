/** What is added in one turn of the event loop is sent together. */
export class TurnBatch<Item> {
  readonly #send: (items: readonly Item[]) => Promise<unknown>
  #items: Item[] = []
  #sent: Promise<unknown> | undefined

  constructor(send: (items: readonly Item[]) => Promise<unknown>) {
    this.#send = send
  }

  add(item: Item): Promise<unknown> {
    this.#items.push(item)
    return (this.#sent ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        const items = this.#items
        this.#items = []
        this.#sent = undefined
        this.#send(items).then(resolve, reject)
      })
    }))
  }
}
