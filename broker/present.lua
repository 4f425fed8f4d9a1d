-- Tell the server's clock, and what the processes that are there say of themselves.
--
-- KEYS[1] ZSET process -> there until, epoch milliseconds
-- KEYS[2] HASH process -> what it says of itself
-- ARGV[1] the most processes to tell
-- Returns {<the server's clock, epoch milliseconds>, <what a process says> ...}. Changes nothing.
--! prelude
local now = now_ms()
local told = { now }
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now + 1, '+inf', 'LIMIT', 0, ARGV[1])) do
  local said = redis.call('HGET', KEYS[2], name)
  if said then told[#told + 1] = said end
end
return told
