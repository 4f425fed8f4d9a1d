-- Reserve what a model call may take from the day's budget of its tenant, or put it right once that is known.
--
-- KEYS[1] HASH what the tenant spent today (`tokens`, `micros`, of `day`), for each call under way what it reserved (`c:`),
--              and for each task that waits what it asked for last (`w:`, for people who look)
-- ARGV[1] 'reserve' or 'settle'
-- ARGV[2] the call: <task>#<fence of its claim>:<number>
-- ARGV[3] tokens that it may take, or took
-- ARGV[4] money that it may cost, or cost, in millionths
-- ARGV[5] tokens of a day, 0 = no limit
-- ARGV[6] money of a day, in millionths, 0 = no limit
-- ARGV[7] a reservation that is older counts as spent, milliseconds
-- Returns {'ok'} | {'wait'} (calls under way may give back what they reserved) | {'spent', <tokens>, <money, millionths>}
-- Safe to repeat: a call is reserved once, and put right once. Days are those of UTC, by the server's clock.
--! prelude
local DAY = 86400000
local ledger, now = KEYS[1], now_ms()
local today = math.floor(now / DAY)
local field = 'c:' .. ARGV[2]
-- One claim at a time: what any other of this task reserved is of one that is gone.
local task = string.match(field, '^.*#')
local claim = string.match(field, '^.*#.*:')
local waiter = 'w:' .. (string.match(ARGV[2], '^(.*)#') or ARGV[2])
local known = redis.call('HGETALL', ledger)
local spent, reserved = { tokens = 0, micros = 0 }, { tokens = 0, micros = 0 }
local of, mine = today, false
for i = 1, #known, 2 do
  local name, value = known[i], known[i + 1]
  if name == 'day' then of = tonumber(value) end
  if name == field then mine = true end
  if spent[name] then
    spent[name] = spent[name] + tonumber(value)
  elseif name ~= field and string.sub(name, 1, 2) == 'c:' then
    local tokens, micros, since = string.match(value, '^(%d+) (%d+) (%d+)$')
    local into = reserved
    local other = task and string.sub(name, 1, #task) == task and string.sub(name, 1, #claim) ~= claim
    if ARGV[1] == 'reserve' and other or now - tonumber(since) > tonumber(ARGV[7]) then
      into = spent
      redis.call('HDEL', ledger, name)
    end
    into.tokens, into.micros = into.tokens + tonumber(tokens), into.micros + tonumber(micros)
  elseif string.sub(name, 1, 2) == 'w:' and
    (ARGV[1] == 'reserve' and name == waiter or now - tonumber(string.match(value, '%d+$')) > tonumber(ARGV[7])) then
    redis.call('HDEL', ledger, name)
  end
end
if of ~= today then spent = { tokens = 0, micros = 0 } end
local tokens, micros = tonumber(ARGV[3]), tonumber(ARGV[4])
local said = { 'ok' }
if ARGV[1] == 'settle' then
  if mine then
    redis.call('HDEL', ledger, field)
    spent.tokens, spent.micros = spent.tokens + tokens, spent.micros + micros
  end
elseif not mine then
  local function over(name, ask, limit, kept) return limit > 0 and spent[name] + kept + ask > limit end
  local most_tokens, most_micros = tonumber(ARGV[5]), tonumber(ARGV[6])
  if over('tokens', tokens, most_tokens, 0) or over('micros', micros, most_micros, 0) then
    said = { 'spent', spent.tokens, spent.micros }
  elseif over('tokens', tokens, most_tokens, reserved.tokens) or over('micros', micros, most_micros, reserved.micros) then
    said = { 'wait' }
    redis.call('HSET', ledger, waiter, ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. now)
  else
    redis.call('HSET', ledger, field, ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. now)
  end
end
redis.call('HSET', ledger, 'day', today, 'tokens', string.format('%.0f', spent.tokens), 'micros', string.format('%.0f', spent.micros))
redis.call('PEXPIRE', ledger, 2 * DAY)
return said
