-- Hold on to claims of one lane: renew each lease, put a claim back that Redis lost, and store a result that is given.
--
-- KEYS[1]   HASH   checkpoint of the lane
-- KEYS[2]   STRING the lane's live mark
-- KEYS[3..] HASH   for each claim: the run (under the epoch of ARGV[1]), the task
-- ARGV[1]   state epoch that the caller believes in
-- ARGV[2]   length of the fleet's longest lease in milliseconds
-- ARGV[3..] for each claim: the task's name inside its run, attempt, fence, length of the lease in milliseconds,
--           keep the key until (epoch milliseconds), result (empty: none)
-- Returns {'epoch', <epoch>} (nothing was done) | for each claim 'ok' | 'over' (nothing is to be done any more)
--       | 'loss' (another has it)
-- Safe to repeat.
--! prelude
--! judge
local now = now_ms()
local said = {}
for i = 0, (#KEYS - 2) / 2 - 1 do
  local run, task, at = KEYS[3 + 2 * i], KEYS[4 + 2 * i], 3 + 6 * i
  local name, attempt, fence, lease_ms, keep_until, result = unpack(ARGV, at, at + 5)
  local whose, stored = mine(task, run, ARGV[1], name, attempt, fence)
  if whose == 'epoch' then return { 'epoch', stored } end
  if whose == 'mine' or whose == 'lost' then
    if whose == 'lost' then put_back(task, attempt) end
    redis.call('HSET', task, 'attempt', attempt, 'fence', fence, 'lease', now + lease_ms)
    if result ~= '' then redis.call('HSET', task, 'result', result) end
    keep(task, keep_until, tonumber(ARGV[2]), now)
    whose = 'ok'
  end
  said[i + 1] = whose
end
return said
