-- Look up a memo of a task under the fence of its claim, or set it if it is absent.
--
-- KEYS[1] HASH   checkpoint of the lane
-- KEYS[2] STRING the lane's live mark
-- KEYS[3] HASH   the run, under the epoch of ARGV[1]
-- KEYS[4] HASH   the task
-- ARGV[1] state epoch that the caller believes in
-- ARGV[2] the task's name inside its run
-- ARGV[3] attempt, a number
-- ARGV[4] fence of the claim
-- ARGV[5] length of the lease in milliseconds
-- ARGV[6] keep the key until, epoch milliseconds
-- ARGV[7] name of the memo
-- ARGV[8] 'look', or 'set' followed by the value
-- Returns {'epoch', <epoch>} | {'over'} | {'loss'} | {'not_yet'} (the lane isn't live: of a look, what isn't there may
--       be in the log; of a set, it is there for three leases, and not recorded before it is set again under a live
--       mark) | {'absent'} (a look) | {'found', <value>, <offset in the run log, or -1 if it isn't logged>}
-- Safe to repeat: whoever comes second finds the first one's value.
--! prelude
--! judge
local task, name = KEYS[4], ARGV[7]
local whose, stored = mine(task, KEYS[3], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
if whose == 'epoch' then return { 'epoch', stored } end
if whose == 'over' or whose == 'loss' then return { whose } end
local looks = ARGV[8] == 'look'
if looks and not is_live() then return { 'not_yet' } end
if not looks then
  if whose == 'lost' then put_back(task, ARGV[3]) end
  local now = now_ms()
  redis.call('HSETNX', task, 'm:' .. name, string.sub(ARGV[8], 4))
  redis.call('HSET', task, 'attempt', ARGV[3], 'fence', ARGV[4], 'lease', now + ARGV[5])
  keep(task, ARGV[6], tonumber(ARGV[5]), now)
  if not is_live() then return { 'not_yet' } end
end
local found = redis.call('HMGET', task, 'm:' .. name, 'mo:' .. name)
if not found[1] then return { 'absent' } end
return { 'found', found[1], found[2] or '-1' }
