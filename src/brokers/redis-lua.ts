/** Lua's unpack fills its stack, which holds 8000 values: longer lists go in pieces. */
export const piece = 4000

/** Milliseconds since 1970 by the server's clock, on which all consumers agree. */
export const readClock: string = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)`
