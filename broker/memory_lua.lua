-- What a script finds around it in the twin of Redis: the globals that Redis gives, read-only, and nothing else.
-- Run once with the functions that the twin lends; returns the compiler and the runner of scripts, and a maker of
-- short arrays.
local command, sha1hex = ...
local env = {}
for _, name in ipairs({
  'string', 'table', 'math', 'coroutine', 'tonumber', 'tostring', 'type', 'pairs', 'ipairs', 'next', 'select',
  'unpack', 'pcall', 'xpcall', 'error', 'assert', 'rawget', 'rawset', 'rawequal', 'setmetatable', 'getmetatable',
  '_VERSION',
}) do
  env[name] = _G[name]
end
env._G = env
env.os = { clock = os.clock }
local redis = { LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3, sha1hex = sha1hex }
local function asked(...)
  if select('#', ...) == 0 then return { err = 'ERR Please specify at least one argument for this call' } end
  return command(...)
end
redis.pcall = asked
function redis.call(...)
  local reply = asked(...)
  if type(reply) == 'table' and reply.err then error(reply, 0) end
  return reply
end
function redis.status_reply(text) return { ok = text } end
function redis.error_reply(text) return { err = text } end
function redis.log() end
env.redis, env.server = redis, redis
setmetatable(env, {
  __index = function(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
  end,
  __newindex = function() error('Attempt to modify a readonly table', 2) end,
})
-- -> the compiled script, or nil and why not
local function compile(text)
  local script, why = loadstring(text, '@user_script')
  return script and setfenv(script, env), why
end
-- -> 'error' and its text (or false and whatever was thrown), 'ok' and a status, 'reply' and the value
local function run(script, keys, args)
  rawset(env, 'KEYS', keys)
  rawset(env, 'ARGV', args)
  local done, reply = pcall(script)
  if type(reply) == 'table' then
    if reply.err then return 'error', reply.err end
    if done and reply.ok then return 'ok', reply.ok end
  end
  if not done then return false, tostring(reply) end
  return 'reply', reply
end
local function pack(...) return { ... } end
return compile, run, pack
