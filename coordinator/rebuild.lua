-- Asks for a lane to be rebuilt from the log: makes its layout an old one and breaks the chain, so that its owner takes it anew.
--
-- KEYS[1]   HASH    the lane's checkpoint
-- ARGV[1]   a commit id, unique
-- Returns   1, or 0 if the lane has no checkpoint: then it is rebuilt anyway
-- Safe to repeat: one more rebuild.
if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then
  return 0
end
redis.call('HSET', KEYS[1], 'layout', '0', 'chain', ARGV[1])
return 1
