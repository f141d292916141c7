/**
 * A message is in exactly one place: `ready`, `deferred`, or an entry of one `loan`. The payload does not move, only
 * its id does: taking a batch deletes a range of `ready` and writes one row, acknowledging deletes a range of `message`.
 *
 * - `message.rank` is 9 - priority, so that ascending order is the order of delivery.
 * - `last_id` keeps the newest id once its message is gone: ids are never used twice, a loan may name settled ones.
 * - `loan.entries` is a flat JSON list of ids and how often each was lent. Acknowledged ids may still be listed.
 * - `owner` is one broker of one process. Deleting its row returns its loans, and fences off whatever it still tries.
 */
export const migrations: readonly string[] = [
  `CREATE TABLE message (id INTEGER PRIMARY KEY, rank INTEGER NOT NULL, envelope TEXT NOT NULL, body NOT NULL);
   CREATE TABLE last_id (id INTEGER NOT NULL);
   INSERT INTO last_id VALUES (0);
   CREATE TABLE ready (queue TEXT NOT NULL, rank INTEGER NOT NULL, id INTEGER NOT NULL, deliveries INTEGER NOT NULL,
     PRIMARY KEY (queue, rank, id)) WITHOUT ROWID;
   CREATE TABLE deferred (queue TEXT NOT NULL, due INTEGER NOT NULL, id INTEGER NOT NULL, rank INTEGER NOT NULL,
     deliveries INTEGER NOT NULL, PRIMARY KEY (queue, due, id)) WITHOUT ROWID;
   CREATE TABLE owner (id INTEGER PRIMARY KEY AUTOINCREMENT, expires INTEGER NOT NULL, host TEXT, pid INTEGER NOT NULL,
     started TEXT);
   CREATE TABLE loan (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, queue TEXT NOT NULL, entries TEXT NOT NULL);
   CREATE INDEX loan_owner ON loan (owner);
   CREATE TABLE broadcast (id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, is_retained INTEGER NOT NULL,
     expires INTEGER NOT NULL, envelope TEXT NOT NULL, body NOT NULL);
   CREATE INDEX broadcast_channel ON broadcast (channel, id);
   CREATE INDEX broadcast_expires ON broadcast (expires);
   CREATE TABLE listener (channel TEXT NOT NULL, owner INTEGER NOT NULL, PRIMARY KEY (channel, owner)) WITHOUT ROWID`,
]
