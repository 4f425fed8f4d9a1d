-- Claim one attempt of one task: judge it against its run, then grant it with a fence and a lease, or say why not.
--
-- KEYS[1] HASH   checkpoint of the lane
-- KEYS[2] STRING the lane's live mark
-- KEYS[3] HASH   the run, under the epoch of ARGV[1]
-- KEYS[4] HASH   the task
-- ARGV[1] state epoch that the caller believes in
-- ARGV[2] the task's name inside its run
-- ARGV[3] attempt, a number
-- ARGV[4] fence, unique to this claim
-- ARGV[5] 1 if a suspect may be granted, else 0
-- ARGV[6] length of the lease in milliseconds
-- ARGV[7] lost leases after which the task is exhausted
-- ARGV[8] keep the key until, epoch milliseconds
-- Returns {'epoch', <epoch>} | {'not_yet'} | {'over'} | {'settled', <result>} | {'busy', <milliseconds left>}
--       | {'exhausted', <deliveries>} | {'suspect', <deliveries>} | {'granted', <deliveries before this one>,
--         <the server's clock, epoch milliseconds>}
-- Safe to repeat: the same fence is granted again.
--! prelude
--! judge
local task, attempt, fence = KEYS[4], ARGV[3], ARGV[4]
local verdict, stored = judge(KEYS[3], ARGV[1], ARGV[2], attempt)
if verdict == 'epoch' then return { 'epoch', stored } end
if verdict == 'old' then return { 'over' } end
if verdict then return { verdict } end
local now = now_ms()
local known = redis.call('HMGET', task, 'attempt', 'fence', 'lease', 'deliveries', 'result')
local deliveries = 0
if known[1] == attempt then
  deliveries = tonumber(known[4] or '0')
  if known[5] then return { 'settled', known[5] } end
  if known[2] == fence then return { 'granted', deliveries, now } end
  if known[2] then
    local left = tonumber(known[3] or '0') - now
    if left > 0 then return { 'busy', left } end
    -- A delivery counts when its lease expired, not when it was handed back.
    deliveries = deliveries + 1
    redis.call('HSET', task, 'deliveries', deliveries)
    redis.call('HDEL', task, 'fence')
    keep(task, ARGV[8], tonumber(ARGV[6]), now)
  end
  if deliveries >= tonumber(ARGV[7]) then return { 'exhausted', deliveries } end
  if deliveries > 0 and ARGV[5] ~= '1' then return { 'suspect', deliveries } end
end
redis.call('HSET', task, 'attempt', attempt, 'fence', fence, 'lease', now + ARGV[6], 'deliveries', deliveries)
redis.call('HDEL', task, 'result')
keep(task, ARGV[8], tonumber(ARGV[6]), now)
return { 'granted', deliveries, now }
