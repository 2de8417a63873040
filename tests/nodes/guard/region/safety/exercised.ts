/**
 * What random series must exercise, beside the faults themselves: the least number of series in a thousand that show it,
 * about half of what is usual. A change of the simulator or of the mixture of faults that loses one of these proves less.
 * The names are those of the guard's log, and of `World.seen`.
 */
export const EXERCISED: Readonly<Record<string, number>> = {
  "planned move": 900,
  "unplanned move": 50,
  "reported loss": 5,
  "role-changed: primary": 250,
  "role-changed: standby of node": 15,
  "role-changed: standby of region": 900,
  "claim before the last one is open": 150,
  "fault during a move": 190,
  "turn held up": 170,
  "took-over": 80,
  "status-refused": 40,
  "patroni-kept-from-etcd": 45,
  "Patroni stops a primary that is cut off": 30,
  "cluster-forgotten": 12,
  "saves-diverged": 55,
  "slots-dropped": 200,
  rewind: 10,
  "rewind of acknowledged writes": 10,
};
