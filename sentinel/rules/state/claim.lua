-- Clocks that have run out by now, for one caller. KEYS: what falls due, what is claimed. ARGV: now, most, lease.
-- A claim that nobody finishes can be claimed again when its lease has run out; it stands for itself, whatever has
-- become of its clock.

local now, most, lease = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local found = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', whole(now), 'LIMIT', 0, most)

local function claim(key, at)
  local clock = redis.call('HMGET', key, 'since', 'event', 'group', 'spoken', 'caps')
  if not clock[1] then return end -- forgotten: nobody has looked for longer than clocks are kept
  redis.call('HSET', key, 'fired', '1')
  local is_heard, held = true, nil
  if clock[4] and clock[4] ~= '' then is_heard, held = passes(clock[4], at, clock[5], key .. clock[1]) end
  if not is_heard then return end
  local token = { key, clock[1], clock[2], clock[3] }
  if held then token[5], token[6] = held[1], held[2] end
  found[#found + 1] = table.concat(token, '\n')
end

if #found < most then
  local ready = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', whole(now), 'WITHSCORES', 'LIMIT', 0, most - #found)
  for i = 1, #ready, 2 do
    redis.call('ZREM', KEYS[1], ready[i])
    claim(ready[i], tonumber(ready[i + 1]))
  end
end

for _, each in ipairs(found) do redis.call('ZADD', KEYS[2], whole(now + lease), each) end
if #found > 0 then redis.call('PEXPIRE', KEYS[2], whole(LONGEST)) end
return found
