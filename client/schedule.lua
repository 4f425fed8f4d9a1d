-- Notes how far a schedule is. Times only rise, so that any number of schedulers may note, in any order.
--
-- KEYS[1]   HASH    the schedule: last, run, seen, paused
-- ARGV[1]   the last slot that is dealt with, epoch milliseconds; '' leaves it
-- ARGV[2]   the last slot that was submitted, epoch milliseconds; '' leaves it
-- ARGV[3]   when a scheduler was there, epoch milliseconds; '' leaves it
-- ARGV[4]   '1' pauses it, '0' lets it go on, '' leaves it
-- Returns   the fields after that: last, run, seen, paused; each '' if it was never noted
-- Safe to repeat.
for i, name in ipairs({'last', 'run', 'seen'}) do
  local known = tonumber(redis.call('HGET', KEYS[1], name) or '')
  if ARGV[i] ~= '' and (not known or tonumber(ARGV[i]) > known) then
    redis.call('HSET', KEYS[1], name, ARGV[i])
  end
end
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[1], 'paused', ARGV[4])
end
local found = redis.call('HMGET', KEYS[1], 'last', 'run', 'seen', 'paused')
for i = 1, 4 do found[i] = found[i] or '' end
return found
