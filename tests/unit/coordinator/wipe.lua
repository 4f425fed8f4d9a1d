-- Forget a lane's checkpoint.
--
-- KEYS[1] HASH the checkpoint
-- Returns how many keys are gone.
return redis.call('DEL', KEYS[1])
