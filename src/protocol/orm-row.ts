/** What ORMs put on those rows that have a `toJSON`, and would travel as data unnoticed. */
interface Marks {
  readonly $isObjectionModel?: unknown
  readonly isNewRecord?: unknown
  readonly dataValues?: unknown
  readonly __meta?: { readonly embeddable?: unknown }
  readonly __helper?: unknown
}

/** True for rows of Objection, Sequelize and MikroORM. */
export function isOrmRow(value: object): boolean {
  const row: Marks = value
  if (row.$isObjectionModel === true) return true
  if (row.isNewRecord !== undefined && row.dataValues !== undefined) return true
  return row.__meta !== undefined && row.__helper !== undefined && row.__meta.embeddable !== true
}
