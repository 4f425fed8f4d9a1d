-- Reserve what a model call may take from the budget of its run, or put it right once that is known.
--
-- KEYS[1] HASH   checkpoint of the lane
-- KEYS[2] STRING the lane's live mark
-- KEYS[3] HASH   the run, under the epoch of ARGV[1]
-- KEYS[4] HASH   the task
-- KEYS[5] HASH   what the run spent (`tokens`, `micros`), for each call under way what it reserved (`c:`), and for each
--                task that waits what it asked for last (`w:`, for people who look)
-- ARGV[1] state epoch that the caller believes in
-- ARGV[2] the task's name inside its run
-- ARGV[3] attempt, a number
-- ARGV[4] fence of the claim
-- ARGV[5] keep the key until, epoch milliseconds
-- ARGV[6] 'reserve' or 'settle'
-- ARGV[7] number of the call under this fence
-- ARGV[8] tokens that it may take, or took
-- ARGV[9] money that it may cost, or cost, in millionths
-- ARGV[10] tokens that the run may take, 0 = no limit; more, if its budget was raised meanwhile (field `b` of the run)
-- ARGV[11] money that the run may cost, in millionths, 0 = no limit; more, likewise
-- ARGV[12] a reservation that is older counts as spent, and who waited longer ago waits no more, milliseconds
-- Returns {'epoch', <epoch>} | {'over'} | {'loss'} | {'not_yet'} (the lane isn't live: what was spent isn't known) | {'ok'}
--       | {'wait'} (calls under way may give back what they reserved)
--       | {'spent', <tokens>, <money, millionths>, <tokens that the run may take>, <money that it may cost>}
-- Safe to repeat: a call is reserved once, and put right once. Whatever writes the ledger says when it ends.
--! prelude
--! judge
local ledger, now = KEYS[5], now_ms()
-- One claim at a time: what any other of this task reserved, of whichever attempt, is of one that is gone.
local task = 'c:' .. ARGV[2] .. '#'
local claim = task .. ARGV[3] .. '|' .. ARGV[4] .. ':'
local field = claim .. ARGV[7]
local function add(name, by)
  redis.call('HSET', ledger, name, string.format('%.0f', tonumber(redis.call('HGET', ledger, name) or '0') + by))
end
local function spend(call, tokens, micros)
  -- A hash that loses its last field is gone, and with it when it ends: so that field goes last.
  add('tokens', tokens)
  add('micros', micros)
  redis.call('HDEL', ledger, call)
end
local function let_end() redis.call('PEXPIREAT', ledger, ARGV[5]) end
-- Money that was spent is spent, whosever the claim is now. A call that a wiped Redis forgot is told by its task's settle.
if ARGV[6] == 'settle' then
  if redis.call('HEXISTS', ledger, field) == 1 then
    spend(field, tonumber(ARGV[8]), tonumber(ARGV[9]))
    let_end()
  end
  return { 'ok' }
end
local whose, stored = mine(KEYS[4], KEYS[3], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
if whose == 'epoch' then return { 'epoch', stored } end
if whose == 'over' or whose == 'loss' then return { whose } end
if not is_live() then return { 'not_yet' } end
if redis.call('HEXISTS', ledger, field) == 1 then return { 'ok' } end
-- What the run's log tells of its spending is the least: a ledger that Redis lost begins with it.
local run = redis.call('HMGET', KEYS[3], 'n', 'b')
local given, made, money = string.match(run[1] or '', '^(%d+) (%d+) %d+ ?(%d*)')
local told = { tokens = tonumber(given or '0') + tonumber(made or '0'), micros = tonumber(money) or 0 }
local known, waiter = redis.call('HGETALL', ledger), 'w:' .. ARGV[2]
local spent, reserved = { tokens = 0, micros = 0 }, { tokens = 0, micros = 0 }
for i = 1, #known, 2 do
  local name, value = known[i], known[i + 1]
  if spent[name] then
    spent[name] = spent[name] + tonumber(value)
  elseif string.sub(name, 1, 2) == 'c:' then
    local tokens, micros, since = string.match(value, '^(%d+) (%d+) (%d+)$')
    tokens, micros = tonumber(tokens), tonumber(micros)
    local other = string.sub(name, 1, #task) == task and string.sub(name, 1, #claim) ~= claim
    if other or now - tonumber(since) > tonumber(ARGV[12]) then
      -- Whoever made this call is gone, and nobody knows what it took.
      spend(name, tokens, micros)
      spent.tokens, spent.micros = spent.tokens + tokens, spent.micros + micros
    else
      reserved.tokens, reserved.micros = reserved.tokens + tokens, reserved.micros + micros
    end
  elseif name == waiter or string.sub(name, 1, 2) == 'w:' and now - tonumber(string.match(value, '%d+$')) > tonumber(ARGV[12]) then
    redis.call('HDEL', ledger, name)
  end
end
for name, least in pairs(told) do
  if spent[name] < least then
    spent[name] = least
    redis.call('HSET', ledger, name, string.format('%.0f', least))
  end
end
-- A handler that is at work has the benefit of a raise at once.
local tokens, micros = string.match(run[2] or '', '^(%d+) (%d+)$')
local limits = { tokens = tonumber(ARGV[10]), micros = tonumber(ARGV[11]) }
for name, raised in pairs({ tokens = tonumber(tokens or '0'), micros = tonumber(micros or '0') }) do
  if limits[name] > 0 then limits[name] = math.max(limits[name], raised) end
end
local wait = false
for name, at in pairs({ tokens = 8, micros = 9 }) do
  local ask, limit = tonumber(ARGV[at]), limits[name]
  if limit > 0 and spent[name] + ask > limit then
    let_end()
    return { 'spent', spent.tokens, spent.micros, limits.tokens, limits.micros }
  end
  wait = wait or limit > 0 and spent[name] + reserved[name] + ask > limit
end
redis.call('HSET', ledger, wait and waiter or field, ARGV[8] .. ' ' .. ARGV[9] .. ' ' .. now)
let_end()
return { wait and 'wait' or 'ok' }
