-- Say that a process is there, or that it leaves, and forget those that fell silent long ago.
--
-- KEYS[1] ZSET process -> there until, epoch milliseconds
-- KEYS[2] HASH process -> what it says of itself
-- ARGV[1] name of the process
-- ARGV[2] what it says of itself; empty: it leaves
-- ARGV[3] how long that counts, milliseconds
-- ARGV[4] how long one that fell silent is remembered, milliseconds
-- Returns how many processes are there. Safe to repeat.
--! prelude
local now = now_ms()
local silent = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[4], 'LIMIT', 0, 100)
if ARGV[2] == '' then silent[#silent + 1] = ARGV[1] end
for _, name in ipairs(silent) do
  redis.call('ZREM', KEYS[1], name)
  redis.call('HDEL', KEYS[2], name)
end
if ARGV[2] ~= '' then
  redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
end
redis.call('PEXPIRE', KEYS[1], 10 * ARGV[3] + ARGV[4])
redis.call('PEXPIRE', KEYS[2], 10 * ARGV[3] + ARGV[4])
return redis.call('ZCARD', KEYS[1])
