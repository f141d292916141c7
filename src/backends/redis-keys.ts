/** The keys of Celery's Redis backend. Channels have the names of the keys. */
export class RedisResultKeys {
  readonly #task: string
  readonly #group: string
  readonly #workflow: string
  /** Chords that are watched, by the time of the last look. */
  readonly chords: string
  /** Their bodies. */
  readonly chordBodies: string
  /** How many members each had at the last look, and since when. */
  readonly chordCounts: string

  /** As in Celery, an underscore parts the prefix from the rest unless it ends in `:`, `_`, `-` or `.` */
  constructor(globalKeyprefix: string) {
    const prefix = globalKeyprefix === '' || /[:_.-]$/.test(globalKeyprefix) ? globalKeyprefix : `${globalKeyprefix}_`
    this.#task = `${prefix}celery-task-meta-`
    this.#group = `${prefix}celery-taskset-meta-`
    this.#workflow = `${prefix}celeriac-workflow-`
    this.chords = `${prefix}celeriac-chords`
    this.chordBodies = `${prefix}celeriac-chord-bodies`
    this.chordCounts = `${prefix}celeriac-chord-counts`
  }

  task(taskId: string): string {
    return this.#task + taskId
  }

  taskIdOf(key: string): string {
    return key.slice(this.#task.length)
  }

  /** Its finished members. */
  groupParts(groupId: string): string {
    return `${this.#group}${groupId}.j`
  }

  /** How many members it has. */
  groupSize(groupId: string): string {
    return `${this.#group}${groupId}.s`
  }

  /** How many were added to it later. */
  groupExtra(groupId: string): string {
    return `${this.#group}${groupId}.t`
  }

  /** Which tasks it has, as Celery saves a GroupResult. */
  group(groupId: string): string {
    return this.#group + groupId
  }

  /** Which task came when, and whether the group is over: unknown to Celery. */
  groupPlaces(groupId: string): string {
    return `${this.#group}${groupId}.p`
  }

  /** Parts of a workflow that come later: unknown to Celery. */
  workflow(workflowId: string): string {
    return this.#workflow + workflowId
  }
}
