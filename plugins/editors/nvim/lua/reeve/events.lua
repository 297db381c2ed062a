-- What an agent's events look like to people.
local M = {}

-- An event of a kind that is not known here is shown as JSON, at most so many characters of it.
local longest = 160

local function compact(value)
  -- The encoder escapes slashes, which JSON does not ask for.
  local is_good, json = pcall(vim.json.encode, value)
  -- It cannot write every number that it has read.
  local text = is_good and json:gsub('\\/', '/') or vim.inspect(value, { newline = ' ', indent = '' })
  return vim.fn.strchars(text) <= longest and text or vim.fn.strcharpart(text, 0, longest) .. '…'
end

local function tool(event)
  local state = event.ok == false and 'failed' or event.state
  return ('[tool] %s %s'):format(tostring(event.name or event.id), tostring(state))
end

local function progress(event)
  local part = type(event.done) == 'number' and type(event.total) == 'number'
  local count = part and (' (%g of %g)'):format(event.done, event.total) or ''
  return '[progress] ' .. tostring(event.message or '') .. count
end

-- The final word. An answer in words is the view's to show: it was streamed already if the agent does that.
local function result(event)
  if event.status == 'error' then
    return '[error] ' .. tostring(event.error)
  elseif event.status ~= 'ok' then
    return compact(event)
  end
  local has_words = event.output == nil or type(event.output) == 'string'
  return not has_words and '[output] ' .. compact(event.output) or nil
end

local lines = {
  tool = tool,
  progress = progress,
  result = result,
  artifact = function(event)
    return '[artifact] ' .. tostring(event.path)
  end,
  ['reeve.text'] = function(event)
    return event.text
  end,
  ['reeve.skipped'] = function(event)
    return ('[skipped] a line of %d bytes'):format(event.bytes)
  end,
  ['reeve.gap'] = function(event)
    return ('[gap] events %d to %d could not be stored'):format(event.first, event.last)
  end,
  -- Bookkeeping, which `reeve show` has.
  usage = function() end,
  session = function() end,
}

-- The words that the agent streams with this event, or nil.
function M.delta(event)
  return type(event) == 'table' and event.type == 'text' and type(event.text) == 'string' and event.text or nil
end

-- The answer in words that comes with this event, or nil.
function M.answer(event)
  local is_answer = type(event) == 'table' and event.type == 'result' and event.status == 'ok'
  return is_answer and type(event.output) == 'string' and event.output or nil
end

-- The line that stands for this event, or nil.
function M.line(event)
  local describe = type(event) == 'table' and lines[event.type] or compact
  -- An agent may print what looks like one of ours and is not.
  local is_good, line = pcall(describe, event)
  if is_good and (line == nil or type(line) == 'string') then
    return line
  end
  return compact(event)
end

-- How a run is going, or went, in a few words.
function M.status(run)
  local text = run.status
  if run.reason then
    text = text .. ' (' .. run.reason .. ')'
  end
  if run.error then
    text = text .. ': ' .. tostring(run.error)
  end
  return (text:gsub('%s+', ' '))
end

return M
