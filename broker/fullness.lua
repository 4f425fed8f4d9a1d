-- Tell how full the fleet is.
--
-- KEYS[1] STRING how full the fleet is
-- ARGV[1] what a receiver has found
-- ARGV[2] how long that counts, milliseconds
-- Returns 'told'. Safe to repeat.
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'told'
