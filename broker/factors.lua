-- Add to what is known of how a model counts the prompts of an agent. Older prompts count less and less.
--
-- KEYS[1] HASH agent and model -> tokens by our count, by the model's
-- ARGV[1] how long it is kept, milliseconds
-- ARGV[2] tokens by our count above which both are halved
-- ARGV[3..] agent and model, tokens by our count, by the model's; and so on
-- Returns 'added'. Advice only: a repeat counts twice.
for at = 3, #ARGV, 3 do
  local known = redis.call('HGET', KEYS[1], ARGV[at]) or '0 0'
  local ours, theirs = string.match(known, '^(%d+) (%d+)$')
  ours = tonumber(ours or '0') + tonumber(ARGV[at + 1])
  theirs = tonumber(theirs or '0') + tonumber(ARGV[at + 2])
  if ours > tonumber(ARGV[2]) then
    ours, theirs = math.floor(ours / 2), math.floor(theirs / 2)
  end
  redis.call('HSET', KEYS[1], ARGV[at], string.format('%d %d', ours, theirs))
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 'added'
