/** The lists that `C` stands for, one for each number of optional arguments. */
type Lists<C extends readonly unknown[]> = C extends readonly []
  ? []
  : C extends readonly [infer First, ...infer Rest]
    ? [First, ...Lists<Rest>]
    : number extends C['length']
      ? C
      : C extends readonly [(infer First)?, ...infer Rest]
        ? [] | [First, ...Lists<Rest>]
        : C

type Endings<L extends readonly unknown[]> = L extends readonly [unknown, ...infer Rest] ? L | Endings<Rest> : L

type WithoutLast<L extends readonly unknown[], G extends readonly unknown[]> = number extends L['length']
  ? L
  : G extends readonly [unknown, ...infer GivenRest]
    ? L extends readonly [...infer Rest, unknown]
      ? WithoutLast<Rest, GivenRest>
      : never
    : L

type MissingOf<L, G extends readonly unknown[]> = L extends readonly unknown[]
  ? WithoutLast<L, G> extends infer M extends readonly unknown[]
    ? [...M, ...G] extends L
      ? M
      : never
    : never
  : never

/** What a signature may be given of the arguments `C`: all of them, or the last ones. */
export type Partials<C extends readonly unknown[]> = Endings<Lists<C>>

/** What is still missing of `C` where the last arguments are `G`: lists of first arguments. */
export type Missing<C extends readonly unknown[], G extends readonly unknown[]> = MissingOf<Lists<C>, G>
