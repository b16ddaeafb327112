/** Of a channel, one replay of each kind runs at a time: two would find the same to send again. */
export const oneReplay = [
  // Processes of the version before may begin replays and carry them out: not between the next two.
  "lock table replay in share row exclusive mode",
  `update replay r set state = 'cancelled', completed_at = now()
    where r.state = 'running' and r.kind <> 'delivery' and exists (
      select from replay o where o.channel_id = r.channel_id and o.kind = r.kind and o.state = 'running' and o.id < r.id)`,
  `create unique index replay_of_channel_running on replay (channel_id, kind)
    where state = 'running' and kind <> 'delivery'`,
];
