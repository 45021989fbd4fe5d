-- Lua would write large numbers as 1.7e+12.
local function whole(number) return string.format('%.0f', number) end
