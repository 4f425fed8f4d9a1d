-- Claim attempts of one lane: judge each against its run, then grant it with a fence and a lease, or say why not.
--
-- KEYS[1]   HASH   checkpoint of the lane
-- KEYS[2]   STRING the lane's live mark
-- KEYS[3..] HASH   for each attempt: the run (under the epoch of ARGV[1]), the task
-- ARGV[1]   state epoch that the caller believes in
-- ARGV[2]   1 if one suspect may be granted, else 0
-- ARGV[3..] for each attempt: the task's name inside its run, attempt (a number), fence (unique to this claim),
--           length of the lease in milliseconds, lost leases after which the task is exhausted, keep the key until
--           (epoch milliseconds)
-- Returns {'epoch', <epoch>} (nothing was done) | {<the server's clock, epoch milliseconds>, one of these for each
--       attempt: <deliveries before this one> (granted) | {'spent', <deliveries>, '<input> <output>', <fence>} (granted,
--       after a delivery that was handed back and had spent so many tokens, '' if none had, and after one that lost the
--       lease under this fence, '' if none had) | 'not_yet' | 'over' | 'suspect' | {'settled', <result>}
--       | {'busy', <milliseconds left>}
--       | {'exhausted', <deliveries>, <1 if this claim found the last lease lost, 0 if an earlier one did>}}
-- Safe to repeat: the same fence is granted again.
--! prelude
--! judge
local now = now_ms()
local may = ARGV[2] == '1'
local function granted(deliveries, spent, lost)
  if deliveries == 0 then lost = nil end -- of an earlier attempt
  if spent or lost then return { 'spent', deliveries, spent or '', lost or '' } end
  return deliveries
end
local function claim(run, task, name, attempt, fence, lease_ms, most, keep_until)
  local verdict, stored = judge(run, ARGV[1], name, attempt)
  if verdict == 'epoch' then return verdict, stored end
  if verdict then return verdict == 'old' and 'over' or verdict end
  local known = redis.call('HMGET', task, 'attempt', 'fence', 'lease', 'deliveries', 'result', 'spent', 'lost')
  local deliveries, spent, lost = 0, nil, known[7]
  if known[1] == attempt then
    deliveries, spent = tonumber(known[4] or '0'), known[6]
    if known[5] then return { 'settled', known[5] } end
    if known[2] == fence then
      may = may and deliveries == 0
      return granted(deliveries, spent, lost)
    end
    if known[2] then
      local left = tonumber(known[3] or '0') - now
      if left > 0 then return { 'busy', left } end
      -- A delivery counts when its lease expired, not when it was handed back.
      deliveries = deliveries + 1
      lost = known[2]
      redis.call('HSET', task, 'deliveries', deliveries, 'lost', lost)
      redis.call('HDEL', task, 'fence')
      keep(task, keep_until, tonumber(lease_ms), now)
    end
    if deliveries >= tonumber(most) then return { 'exhausted', deliveries, known[2] and 1 or 0 } end
    if deliveries > 0 and not may then return 'suspect' end
    may = may and deliveries == 0
  elseif known[5] or known[6] then
    redis.call('HDEL', task, 'result', 'spent')
  end
  redis.call('HSET', task, 'attempt', attempt, 'fence', fence, 'lease', now + lease_ms, 'deliveries', deliveries)
  keep(task, keep_until, tonumber(lease_ms), now)
  return granted(deliveries, spent, lost)
end
local said = { now }
for i = 0, (#KEYS - 2) / 2 - 1 do
  local at = 3 + 6 * i
  local answer, stored = claim(KEYS[3 + 2 * i], KEYS[4 + 2 * i], unpack(ARGV, at, at + 5))
  if answer == 'epoch' then return { answer, stored } end
  said[i + 2] = answer
end
return said
