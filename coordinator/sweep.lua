-- Deletes keys of an epoch that was dropped, unless it is the lane's again: a failover may have lost the drop.
--
-- KEYS[1]   HASH    the lane's checkpoint
-- KEYS[2..] the keys to delete, of any type
-- ARGV[1]   the epoch
-- Returns   how many were deleted; 0 if the epoch is the lane's
-- Safe to repeat.
if redis.call('HGET', KEYS[1], 'epoch') == ARGV[1] then
  return 0
end
return redis.call('UNLINK', unpack(KEYS, 2))
