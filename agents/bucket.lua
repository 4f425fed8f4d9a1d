-- Take part in the bucket of one model and key: ask for calls, keep, end or leave them, and grant what now fits.
--
-- KEYS[1] HASH state: levels, limits, virtual time, until when it is blocked, how slow it is, figures
-- KEYS[2] ZSET queue: place of a waiting call -> start tag
-- KEYS[3] ZSET away: place -> start tag, of those that gave their slot away and come back
-- KEYS[4] HASH places: place -> '<call> <tokens> <agent>'
-- KEYS[5] ZSET seen: place -> forgotten at, epoch milliseconds
-- KEYS[6] ZSET held: call under way -> end of its lease, epoch milliseconds
-- KEYS[7] HASH reserved: call -> '<tokens> <began, epoch milliseconds> <agent>'
-- KEYS[8] HASH tags: agent -> finish tag
-- ARGV[1] requests per minute, 0 = no limit
-- ARGV[2] tokens per minute, 0 = no limit
-- ARGV[3] calls under way at once, 0 = no limit
-- ARGV[4] how much may be used at once, as milliseconds of the rate
-- ARGV[5] lease of a call and of a waiting one that is here, milliseconds
-- ARGV[6..] for each word: word, call, place, agent, tokens, milliseconds
--           'ask'   wants to call, with so many tokens at most; asked again until it is granted
--           'leave' waits no more; its place is kept for so many milliseconds
--           'hold'  is under way with so many tokens reserved
--           'end'   is over and took so many tokens; 'drop' was never made
--           'busy'  the server refused it, as one too many, and wants so many milliseconds of patience: the rate is cut
--           'loaded' the server refused it for its own load: likewise, but the rate stays
-- Returns {<the server's clock, epoch milliseconds>, 1 if the bucket began anew, milliseconds it is blocked for, its rate (per
--         mille of the limit), tokens there, requests there (thousandths), calls under way, calls waiting, then for each
--         'ask': -1 (granted) or about how many milliseconds it has yet to wait}
-- Safe to repeat: a call is granted, ended and refused once.
-- Fair between agents (start-time fair queueing): a call's start tag is the bucket's virtual time or its agent's last finish
-- tag, whichever is later, its finish tag lies its cost (milliseconds of the rate) behind; the least start tag is next.
--! prelude
local DAY, RESTART, LEAST_RATE, CREEP, SLOWED_AGAIN, FAR = 86400000, 3500, 100, 20, 2000, 3700000
local now, who = now_ms(), identity()
local rpm, tpm, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local burst, lease = tonumber(ARGV[4]), tonumber(ARGV[5])
local tokens_most, requests_most = tpm * burst / 60000, math.max(1, rpm * burst / 60000)
local s, fresh = {}, 0
local known = redis.call('HGETALL', KEYS[1])
for i = 1, #known, 2 do s[known[i]] = tonumber(known[i + 1]) or known[i + 1] end
if s.who ~= who then
  -- Nobody knows what was used since: begin empty, and let who is under way say so first.
  fresh = 1
  s.level, s.requests, s.at = math.min(s.level or 0, 0), 0, now
  if most > 0 then s.blocked = math.max(s.blocked or 0, now + RESTART) end
end
s.who, s.v, s.slow, s.blocked = who, s.v or 0, s.slow or 1000, s.blocked or 0
if s.at > now + FAR then s.at = now end
if s.blocked > now + FAR then s.blocked = now end
local passed = math.max(0, now - s.at)
s.level = math.min(tokens_most, s.level + passed * tpm / 60000 * s.slow / 1000)
s.requests = math.min(requests_most, s.requests + passed * rpm / 60000 * s.slow / 1000)
s.slow, s.at = math.min(1000, s.slow + passed * CREEP / 1000), math.max(s.at, now)

local function cost_of(tokens)
  if rpm == 0 and tpm == 0 then return 1000 end
  return math.max(rpm > 0 and 60000 / rpm or 0, tpm > 0 and tokens * 60000 / tpm or 0)
end
local function charge(agent, by)
  local tag = tonumber(redis.call('HGET', KEYS[8], agent) or '0')
  redis.call('HSET', KEYS[8], agent, string.format('%.3f', tag + by))
end
local function forget(place)
  redis.call('ZREM', KEYS[2], place)
  redis.call('ZREM', KEYS[3], place)
  redis.call('ZREM', KEYS[5], place)
  redis.call('HDEL', KEYS[4], place)
end
-- Take a call out of those under way: its tokens, when it began and its agent; nil if it isn't one.
local function release(call)
  local held = redis.call('HGET', KEYS[7], call)
  if not held then return nil end
  redis.call('ZREM', KEYS[6], call)
  redis.call('HDEL', KEYS[7], call)
  local tokens, began, agent = string.match(held, '^(%d+) (%d+) (.*)$')
  return tonumber(tokens), tonumber(began), agent
end
local function hold(call, tokens, agent)
  redis.call('ZADD', KEYS[6], now + lease, call)
  redis.call('HSET', KEYS[7], call, tokens .. ' ' .. now .. ' ' .. agent)
end
-- Take back what was granted; its tokens, nil if it wasn't.
local function give_back(call)
  local tokens, _, agent = release(call)
  if tokens then
    s.level, s.requests = math.min(tokens_most, s.level + tokens), math.min(requests_most, s.requests + 1)
    charge(agent, -cost_of(tokens))
  end
  return tokens
end

for _, place in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', now, 'LIMIT', 0, 200)) do forget(place) end
for _, call in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', now, 'LIMIT', 0, 200)) do release(call) end

local word = {}
function word.ask(call, place, agent, tokens)
  if redis.call('HEXISTS', KEYS[7], call) == 1 then
    redis.call('ZADD', KEYS[6], now + lease, call)
    return
  end
  if not redis.call('ZSCORE', KEYS[2], place) then
    local tag = tonumber(redis.call('ZSCORE', KEYS[3], place) or nil)
    if tag then
      redis.call('ZREM', KEYS[3], place)
    else
      local last = tonumber(redis.call('HGET', KEYS[8], agent) or '0')
      tag = math.max(s.v, last)
      charge(agent, tag + cost_of(tokens) - last)
    end
    redis.call('ZADD', KEYS[2], string.format('%.3f', tag), place)
  end
  redis.call('HSET', KEYS[4], place, call .. ' ' .. tokens .. ' ' .. agent)
  redis.call('ZADD', KEYS[5], now + lease, place)
end
function word.leave(call, place, agent, tokens, ms)
  local granted = give_back(call)
  -- One that was granted and never heard of it has its place at the head.
  if granted and ms > 0 then
    charge(agent, cost_of(granted))
    redis.call('ZADD', KEYS[3], string.format('%.3f', s.v), place)
    redis.call('ZADD', KEYS[5], now + ms, place)
  end
  if granted then return end
  local tag = redis.call('ZSCORE', KEYS[2], place)
  if not tag then return end
  if ms > 0 then
    redis.call('ZREM', KEYS[2], place)
    redis.call('ZADD', KEYS[3], tag, place)
    redis.call('ZADD', KEYS[5], now + ms, place)
  else
    forget(place)
    charge(agent, -cost_of(tokens))
  end
end
function word.hold(call, _, agent, tokens)
  if redis.call('HEXISTS', KEYS[7], call) == 1 then
    redis.call('ZADD', KEYS[6], now + lease, call)
  else
    hold(call, tokens, agent)
  end
end
word['end'] = function(call, _, _, used)
  local tokens, began, agent = release(call)
  if not tokens then return end
  s.level = math.min(tokens_most, s.level + tokens - used)
  s.took = ((s.took or now - began) * 7 + now - began) / 8
  s.used = (s.used or 0) + used
  charge(agent, cost_of(used) - cost_of(tokens))
end
function word.drop(call) give_back(call) end
function word.loaded(call, _, _, _, ms)
  local tokens = give_back(call)
  if not tokens then return false end
  s.refused = (s.refused or 0) + 1
  -- The server has no more than it asks patience for: at that time there is room for this call, and nothing is saved up.
  s.blocked = math.max(s.blocked, now + ms)
  s.at = math.max(s.at, s.blocked)
  s.level, s.requests = math.min(s.level, tokens, tokens_most), math.min(s.requests, 1)
  return true
end
function word.busy(call, place, agent, tokens, ms)
  if word.loaded(call, place, agent, tokens, ms) and now - (s.slowed_at or 0) >= SLOWED_AGAIN then
    s.slow, s.slowed_at = math.max(LEAST_RATE, s.slow * 3 / 4), now
  end
end
local asked = {}
for i = 6, #ARGV, 6 do
  local what, call, place, agent, tokens, ms = unpack(ARGV, i, i + 5)
  word[what](call, place, agent, tonumber(tokens), tonumber(ms))
  if what == 'ask' then asked[#asked + 1] = i end
end

local held = redis.call('ZCARD', KEYS[6])
local function lacks(tokens)
  local wait = math.max(0, s.blocked - now)
  local speed = s.slow / 1000
  local short = math.min(tokens, tokens_most) - s.level
  if tpm > 0 and short > 1e-6 then wait = math.max(wait, s.at - now + short * 60000 / tpm / speed) end
  if rpm > 0 and s.requests < 1 - 1e-6 then
    wait = math.max(wait, s.at - now + (1 - s.requests) * 60000 / rpm / speed)
  end
  if most > 0 and held >= most then wait = math.max(wait, (s.took or 1000) / most) end
  return wait
end
local head_waits = 0
for _ = 1, 1000 do
  local head = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  if not head[1] then break end
  local found = redis.call('HGET', KEYS[4], head[1])
  if found then
    local call, tokens, agent = string.match(found, '^(%S+) (%d+) (.*)$')
    tokens = tonumber(tokens)
    head_waits = lacks(tokens)
    if head_waits > 0 then break end
    s.level, s.requests = s.level - tokens, s.requests - 1
    s.v = math.max(s.v, tonumber(head[2]))
    s.cost = ((s.cost or cost_of(tokens)) * 7 + cost_of(tokens)) / 8
    s.granted = (s.granted or 0) + 1
    hold(call, tokens, agent)
    held = held + 1
  end
  forget(head[1])
end

if tpm == 0 then s.level = 0 end
if rpm == 0 then s.requests = 0 end
local waiting = redis.call('ZCARD', KEYS[2]) + redis.call('ZCARD', KEYS[3])
local said = {
  now, fresh, math.max(0, math.ceil(s.blocked - now)), math.floor(s.slow), math.floor(s.level), math.floor(s.requests * 1000),
  held, waiting,
}
for n, i in ipairs(asked) do
  local wait = -1
  local tag = redis.call('ZSCORE', KEYS[2], ARGV[i + 2])
  if redis.call('HEXISTS', KEYS[7], ARGV[i + 1]) == 0 then
    local before = tag and redis.call('ZCOUNT', KEYS[2], '-inf', '(' .. tag) + redis.call('ZCOUNT', KEYS[3], '-inf', '(' .. tag) or 0
    local each = (s.cost or cost_of(tonumber(ARGV[i + 4]))) * 1000 / s.slow
    if most > 0 then each = math.max(each, (s.took or 1000) / most) end
    wait = math.ceil(head_waits + before * each)
  end
  said[8 + n] = wait
end
-- An agent that the virtual time has caught up with begins at it, as an unknown one does.
if waiting == 0 then redis.call('DEL', KEYS[8]) end
local new = { 'rpm', rpm, 'tpm', tpm, 'most', most, 'burst', burst }
for name, value in pairs(s) do
  if name ~= 'rpm' and name ~= 'tpm' and name ~= 'most' and name ~= 'burst' then
    new[#new + 1] = name
    new[#new + 1] = type(value) == 'number' and string.format('%.6f', value) or value
  end
end
redis.call('HSET', KEYS[1], unpack(new))
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, DAY) end
return said
