-- Tell the server's clock, and what the processes that are there, or fell silent, say of themselves.
--
-- KEYS[1] ZSET process -> there until, epoch milliseconds
-- KEYS[2] HASH process -> what it says of itself
-- ARGV[1] the most processes to tell
-- ARGV[2] how long one that fell silent is told, milliseconds
-- Returns {<the server's clock>, <there until>, <what a process says> ...}, times in epoch milliseconds. Changes nothing.
--! prelude
local now = now_ms()
local told = { now }
local first = now + 1 - ARGV[2]
local found = redis.call('ZRANGEBYSCORE', KEYS[1], first, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[1])
for index = 1, #found, 2 do
  local said = redis.call('HGET', KEYS[2], found[index])
  if said then
    told[#told + 1] = tonumber(found[index + 1])
    told[#told + 1] = said
  end
end
return told
