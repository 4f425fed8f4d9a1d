-- Hand back claims of one lane that won't be finished here: the next claim of each finds no fence, and counts nothing.
--
-- KEYS[1..] HASH the tasks
-- ARGV[1..] for each task: the fence of the claim, what its deliveries spent (see `spent` in claim.lua; empty: nothing)
-- Returns how many were handed back; a claim that is another's, or has a result, stays as it is. Safe to repeat.
local count = 0
for i, task in ipairs(KEYS) do
  local known = redis.call('HMGET', task, 'fence', 'result')
  local fence, spent = ARGV[2 * i - 1], ARGV[2 * i]
  if known[1] == fence and not known[2] then
    redis.call('HDEL', task, 'fence')
    -- A renewal that was under way must not take this for a loss of Redis, and put the claim back.
    redis.call('HSET', task, 'back', fence)
    if spent ~= '' then redis.call('HSET', task, 'spent', spent) end
    count = count + 1
  end
end
return count
