-- A throttle remembers who passed last: that one passes again, however often the broker brings it.

local function passes(key, at, period, owner, kept)
  local closed = redis.call('HMGET', key, 'at', 'owner')
  if closed[2] == owner then return true end
  if closed[1] and at < tonumber(closed[1]) + period then return false end
  redis.call('HSET', key, 'at', whole(at), 'owner', owner)
  redis.call('PEXPIRE', key, kept)
  return true
end
