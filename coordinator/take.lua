-- Becomes the lane's owner: writes the caller's own id as the last commit's, whatever was there, and tells what is stored.
--
-- KEYS[1]   HASH    the lane's checkpoint
-- KEYS[2]   STRING  the lane's live mark
-- ARGV[1]   the caller's commit id, unique
-- Returns   {identity of the server, live mark or '', {field, value, …} of the checkpoint, the server's clock in epoch
--            milliseconds}
-- Safe to repeat as it is.
--! prelude
redis.call('HSET', KEYS[1], 'chain', ARGV[1])
return {identity(), redis.call('GET', KEYS[2]) or '', redis.call('HGETALL', KEYS[1]), now_ms()}
