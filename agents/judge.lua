-- Judge a task of an agent against the run itself, in the lane's slot. Before anything else, always.
-- KEYS[1] checkpoint (HASH), KEYS[2] live (STRING); `run` is the run's key under the state epoch that the caller
-- believes in. Gives one of
--   'epoch', <epoch>  the lane's state lies under another epoch: nothing may be done, ask again with this one
--   'not_yet'         the lane isn't marked live for this very server: absence means nothing
--   'over'            the run is unknown or not active, or the task has ended
--   'old'             another attempt than this one is current
--   nil               the attempt is the current one of a task that is out
local live_here
local function is_live()
  if live_here == nil then
    local live = redis.call('GET', KEYS[2])
    live_here = live and live == identity()
  end
  return live_here
end
local epoch_here
local function judge(run, epoch, name, attempt)
  if epoch_here == nil then epoch_here = redis.call('HGET', KEYS[1], 'epoch') end
  local stored = epoch_here
  if stored and stored ~= epoch then return 'epoch', stored end
  if not stored or not is_live() then return 'not_yet' end
  local known = redis.call('HMGET', run, 'st', 't:' .. name)
  if known[1] ~= 'active' or not known[2] then return 'over' end
  local letter, current = string.match(known[2], '^(%a) (%d+)')
  if not letter or string.find('kfsxe', letter, 1, true) then return 'over' end
  if letter ~= 'r' or current ~= attempt then return 'old' end
  return nil
end
-- The key of a task lives until its run can't ask any more; written while the lane isn't live, three leases at most.
local function keep(task, keep_until, lease_ms, now)
  if is_live() then
    redis.call('PEXPIREAT', task, math.max(tonumber(keep_until), now + 3 * lease_ms))
  elseif redis.call('PTTL', task) < 3 * lease_ms then
    redis.call('PEXPIRE', task, 3 * lease_ms)
  end
end
-- What of a claim is mine: 'over' (given up here), 'loss' (another's fence), 'lost' (Redis has none), 'mine';
-- or 'epoch', <epoch>. A claim that was handed back is a loss. An attempt that is no longer current gives up its fence only: the memos are its successor's.
local function mine(task, run, epoch, name, attempt, fence)
  local verdict, stored = judge(run, epoch, name, attempt)
  if verdict == 'epoch' then return verdict, stored end
  local holder = redis.call('HGET', task, 'fence')
  if verdict == 'over' or verdict == 'old' then
    if holder == fence then
      if verdict == 'over' then redis.call('DEL', task) else redis.call('HDEL', task, 'fence') end
    end
    return 'over'
  end
  if not holder then return redis.call('HGET', task, 'back') == fence and 'loss' or 'lost' end
  return holder == fence and 'mine' or 'loss'
end
-- Make ready for a claim that Redis lost: no result, and neither lost leases nor usage of another attempt, which a rollback brought back.
local function put_back(task, attempt)
  redis.call('HDEL', task, 'result')
  if redis.call('HGET', task, 'attempt') ~= attempt then
    redis.call('HSET', task, 'deliveries', 0)
    redis.call('HDEL', task, 'spent')
  end
end
