-- Groups of a window, clock or throttle: at most so many of a rule, so that no rule fills the memory.
-- A group is known for as long as events come; when there are too many, those unheard of since `oldest` make room.

local crowded = false

local function admitted(base, group, at, oldest, kept)
  if group == '' then return true end -- one group: nothing to keep apart
  local known = base .. 'groups'
  if redis.call('ZADD', known, at, group) == 0 then return true end
  redis.call('PEXPIRE', known, kept)
  if redis.call('ZCARD', known) <= GROUPS then return true end
  redis.call('ZREMRANGEBYSCORE', known, '-inf', '(' .. oldest)
  if redis.call('ZCARD', known) <= GROUPS then return true end
  redis.call('ZREM', known, group)
  crowded = true
  return false
end
