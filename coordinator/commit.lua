-- Applies one commit of a lane's chain: operations, the checkpoint and, on wish, the live mark; all of it or nothing.
--
-- KEYS[1]   HASH    the lane's checkpoint
-- KEYS[2]   STRING  the lane's live mark
-- KEYS[3..] the keys that operations name by their index
-- ARGV[1]   id of the commit before this one
-- ARGV[2]   id of this commit, unique
-- ARGV[3]   live mark: '' leaves it, '-' deletes it, else the identity that the server must have for it to be set
-- ARGV[4]   how many checkpoint arguments follow
-- ARGV[5..] field, value, … of the checkpoint (an empty value deletes the field); then operations, each: name, index of its key,
--           number of arguments, arguments:
--           hset field value … | hdel field … | zadd score member … | zrem member … | sadd member … | del | pexpire milliseconds
--           unsend field value …: HDEL, if that value is still there
--           memo name value offset milliseconds: a logged memo; the first offset stays; the key lives that long at least
-- Returns   {'applied', identity}, or {'done', identity} if this very commit is the last one already; nothing is changed by
--           {'refused', identity}: another commit is the last one; {'moved', identity}: not the server of ARGV[3]
-- Safe to repeat as it is: every operation is, and the chain moves last.
--! prelude
local before, own, mark = ARGV[1], ARGV[2], ARGV[3]
local server = identity()
local last = redis.call('HGET', KEYS[1], 'chain')
if last == own then
  return {'done', server}
end
if last ~= before then
  return {'refused', server}
end
if mark ~= '' and mark ~= '-' and mark ~= server then
  return {'moved', server}
end

local plain = {
  hset = 'HSET', hdel = 'HDEL', zadd = 'ZADD', zrem = 'ZREM', sadd = 'SADD', del = 'UNLINK', pexpire = 'PEXPIRE',
}

local function unsend(key, first, past)
  for i = first, past - 1, 2 do
    if redis.call('HGET', key, ARGV[i]) == ARGV[i + 1] then
      redis.call('HDEL', key, ARGV[i])
    end
  end
end

local function memo(key, first)
  local name, value, offset, milliseconds = ARGV[first], ARGV[first + 1], ARGV[first + 2], ARGV[first + 3]
  if not redis.call('HGET', key, 'mo:' .. name) then
    redis.call('HSET', key, 'm:' .. name, value, 'mo:' .. name, offset)
  end
  -- A claim that was put back while the lane was not live is kept for three leases only: not long enough for a memo.
  if redis.call('PTTL', key) < tonumber(milliseconds) then
    redis.call('PEXPIRE', key, milliseconds)
  end
end

local at = 5 + tonumber(ARGV[4])
while at <= #ARGV do
  local name, key, past = ARGV[at], KEYS[tonumber(ARGV[at + 1])], at + 3 + tonumber(ARGV[at + 2])
  if name == 'unsend' then
    unsend(key, at + 3, past)
  elseif name == 'memo' then
    memo(key, at + 3)
  else
    redis.call(plain[name], key, unpack(ARGV, at + 3, past - 1))
  end
  at = past
end

for i = 5, 4 + tonumber(ARGV[4]), 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[1], ARGV[i])
  else
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
if mark == '-' then
  redis.call('DEL', KEYS[2])
elseif mark ~= '' then
  redis.call('SET', KEYS[2], server)
end
redis.call('HSET', KEYS[1], 'chain', own)
return {'applied', server}
