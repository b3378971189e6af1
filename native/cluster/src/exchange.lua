-- What a node says of one candidate, and what all then know of it. The only writer of these keys.
--
-- KEYS  1 stamp "epoch change"                2 suspension "epoch length failed said by"
--       3 permit "epoch kind token"           4 hold "version held by"      5 mark "epoch request"
-- ARGV  1 operation  2 the epoch it was made in  3 node  4 channel  5 candidate  6… what the operation needs
--
-- A clear begins a new epoch. What was written in an older one is as good as absent, and what is said from an older
-- one comes too late. Times are lengths: no clock is read.

local DAYS = 172800000
local ARMED, LEASE, MARKED, SLACK = 1000, 5000, 600000, 20

local operation, from, node = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local epoch, change = string.match(redis.call('GET', KEYS[1]) or '0 0', '^(%d+) (%d+)$')
epoch, change = tonumber(epoch or 0), tonumber(change or 0)
local changed, verdict, wait = false, 'done', 0

-- The store has forgotten a clear that a node remembers.
if from > epoch and operation ~= 'read' then
    epoch, changed = from, true
end

local function suspension()
    local of, length, failed, said, by =
        string.match(redis.call('GET', KEYS[2]) or '', '^(%d+) (%d+) (%d+) ([01]) (%S+)$')
    local left = redis.call('PTTL', KEYS[2])
    if tonumber(of) ~= epoch or left <= 0 then
        return 0, 0, 0, 0, '-'
    end
    return left, tonumber(length), tonumber(failed), tonumber(said), by
end

local function permit()
    local of, kind, token = string.match(redis.call('GET', KEYS[3]) or '', '^(%d+) ([ur]) (%S+)$')
    if tonumber(of) == epoch then
        return kind, token
    end
end

local function give_back(token)
    local _, holder = permit()
    if holder == token then
        redis.call('DEL', KEYS[3])
    end
end

local late = from < epoch
if operation == 'suspend' then
    local asked, failed, said, token = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]
    local left, length, before, already, by = suspension()
    if late then
        verdict = 'late'
    elseif asked > left + SLACK or failed > before or said > already then
        if asked > left then
            left, length, by = asked, asked, node
        end
        local value = table.concat({epoch, length, math.max(failed, before), math.max(said, already), by}, ' ')
        redis.call('SET', KEYS[2], value, 'PX', left)
        changed = true
    end
    give_back(token)
elseif operation == 'clear' then
    local left, length = suspension()
    if late then
        verdict = 'late'
    elseif left > 0 and length - left + SLACK < tonumber(ARGV[6]) then
        -- It has begun after what cleared it.
        verdict = 'newer'
    else
        epoch, changed = epoch + 1, true
        redis.call('DEL', KEYS[2], KEYS[3], KEYS[5])
    end
elseif operation == 'ask' then
    local left = suspension()
    local kind, holder = permit()
    if left > 0 then
        verdict, wait = 'suspended', left
    elseif kind and holder ~= ARGV[6] then
        verdict, wait = 'taken', redis.call('PTTL', KEYS[3])
    elseif not kind then
        redis.call('SET', KEYS[3], epoch .. ' u ' .. ARGV[6], 'PX', ARMED)
    end
elseif operation == 'take' then
    local kind, holder = permit()
    if late then
        verdict = 'late'
    elseif kind and holder ~= ARGV[6] then
        verdict = 'taken'
    else
        redis.call('SET', KEYS[3], epoch .. ' r ' .. ARGV[6], 'PX', LEASE)
    end
elseif operation == 'back' then
    give_back(ARGV[6])
elseif operation == 'hold' then
    local version = tonumber(string.match(redis.call('GET', KEYS[4]) or '0', '^%d+'))
    if tonumber(ARGV[6]) > version then
        local value = ARGV[6] .. ' ' .. ARGV[7] .. ' ' .. node
        if ARGV[7] == '1' then
            redis.call('SET', KEYS[4], value)
        else
            redis.call('SET', KEYS[4], value, 'PX', DAYS)
        end
        changed = true
    else
        verdict = 'late'
    end
elseif operation == 'mark' then
    if late then
        verdict = 'late'
    else
        redis.call('SET', KEYS[5], epoch .. ' ' .. ARGV[6], 'PX', MARKED)
        changed = true
    end
elseif operation == 'answer' then
    changed = redis.call('DEL', KEYS[5]) == 1 or changed
end

if changed then
    change = change + 1
    redis.call('SET', KEYS[1], epoch .. ' ' .. change, 'PX', DAYS)
end
local left, length, failed, said, by = suspension()
local version, held = string.match(redis.call('GET', KEYS[4]) or '0 0', '^(%d+) ([01])')
local of, request = string.match(redis.call('GET', KEYS[5]) or '', '^(%d+) (%d+)$')
if tonumber(of) ~= epoch then
    request = '-'
end
local state = table.concat(
    {epoch, change, left, length, failed, said, by, version, held, request}, ' ')
if changed then
    redis.call('PUBLISH', ARGV[4], node .. ' ' .. ARGV[5] .. ' ' .. state)
end
return {verdict, wait, state}
