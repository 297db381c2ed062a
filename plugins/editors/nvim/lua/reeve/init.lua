-- Reeve in Neovim: runs of agent plugins, each in a buffer that shows what the agent says as it says it.
local events = require('reeve.events')
local host = require('reeve.host')
local list = require('reeve.list')
local view = require('reeve.view')

local M = {}

-- How long completion may hold up the editor, in milliseconds.
local completion_patience = 1000

-- Settings: `command`, the program and its arguments.
function M.setup(options)
  local command = (options or {}).command
  assert(command == nil or type(command) == 'table', 'reeve: “command” is a list of words')
  host.command = command
end

-- Tells of a failed call.
function M.complain(failure)
  if not failure.is_told then
    vim.notify('reeve: ' .. failure.message, vim.log.levels.ERROR)
  end
end

-- Starts or resumes a run, in a buffer of its own.
local function launch(method, title, params)
  params.subscribe = true
  local show = view.begin(title, params.prompt)
  host.request(method, params, function(failure, answer)
    show(failure, answer)
    if failure then
      return M.complain(failure)
    end
    list.refresh()
  end)
end

-- Starts a run of a plugin in the current directory.
function M.run(plugin, prompt)
  local directory = vim.fn.getcwd()
  launch('run/start', plugin .. ' in ' .. directory, { plugin = plugin, prompt = prompt, cwd = directory })
end

-- Goes on with the session of a run that is over, as a new run.
function M.resume(run, prompt)
  launch('run/resume', 'resumed from ' .. run, { run = run, prompt = prompt })
end

-- The run that a command means: the one named, else that of this buffer. Nil, with a word about it, if there is none.
local function meant_run(name)
  local run = name or vim.b.reeve_run
  if not run then
    vim.notify('reeve: name a run, or do this in the buffer of one', vim.log.levels.ERROR)
  end
  return run
end

-- Resumes a run, by default that of this buffer, with a prompt that is asked for.
function M.ask_and_resume(name)
  local run = meant_run(name)
  if not run then
    return
  end
  vim.ui.input({ prompt = 'Resume with: ' }, function(prompt)
    if prompt and prompt ~= '' then
      M.resume(run, prompt)
    end
  end)
end

-- Cancels a run; with the urgency "now" it gets hardly any time to end by itself.
function M.cancel(run, urgency)
  host.request('run/cancel', { run = run, urgency = urgency }, function(failure, answer)
    if failure then
      return M.complain(failure)
    elseif not answer.cancelled then
      vim.notify('reeve: nothing to cancel, it is over: ' .. events.status(answer.run))
    end
    list.refresh()
  end)
end

-- Shows a run, as a list or a call gave it.
function M.open(run)
  view.open(run, M.complain)
end

-- For the status line: how many runs of this editor go on, or that the host has gone. Empty when there is nothing to say.
function M.statusline()
  if host.has_vanished then
    return 'reeve: host gone'
  end
  local count = view.live_count()
  return count > 0 and ('reeve: %d running'):format(count) or ''
end

-- What was selected: exactly, if the range is a selection by characters, else whole lines.
local function selected_text(first, last)
  local lines = vim.api.nvim_buf_get_lines(0, first - 1, last, true)
  local from, to = vim.fn.getpos("'<"), vim.fn.getpos("'>")
  if vim.fn.visualmode() == 'v' and from[2] == first and to[2] == last then
    -- The end is the first byte of the last character.
    local character = vim.fn.matchstr(lines[#lines]:sub(to[3]), '.')
    lines[#lines] = lines[#lines]:sub(1, to[3] - 1 + #character)
    lines[1] = lines[1]:sub(from[3])
  end
  return table.concat(lines, '\n')
end

-- The first word, and what follows it.
local function split_first(text)
  return text:match('^(%S+)%s*(.*)$')
end

-- :[range]ReeveRun {plugin} [prompt]
function M.run_command(arguments)
  local plugin, prompt = split_first(arguments.args)
  if arguments.range > 0 then
    local selection = selected_text(arguments.line1, arguments.line2)
    prompt = prompt == '' and selection or prompt .. '\n\n' .. selection
  end
  M.run(plugin, prompt)
end

-- :ReeveRuns
function M.runs_command()
  list.open()
end

-- :ReeveCancel[!] [run]
function M.cancel_command(arguments)
  local run = meant_run(arguments.args ~= '' and arguments.args or nil)
  if run then
    M.cancel(run, arguments.bang and 'now' or 'normal')
  end
end

-- Whether a word is the name of a run: 26 characters of base32.
local function is_run_name(word)
  return #word == 26 and word:match('^[0-7][0-9a-hjkmnp-tv-z]+$') ~= nil
end

-- :ReeveResume [run] {prompt}
function M.resume_command(arguments)
  local name, prompt = split_first(arguments.args)
  if not is_run_name(name) then
    name, prompt = nil, arguments.args
  end
  local run = meant_run(name)
  if run then
    M.resume(run, prompt)
  end
end

-- What completes the first word of a command: those of the words that begin like it.
local function complete_first(lead, line, position, words)
  local before = line:sub(1, position - #lead)
  if not before:match('Reeve%a+!?%s+$') then
    return {}
  end
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, words())
end

local function answered(method, params)
  return host.request_within(completion_patience, method, params)
end

-- Names of plugins that can be run.
function M.complete_plugin(lead, line, position)
  return complete_first(lead, line, position, function()
    local answer = answered('plugin/list')
    local usable = vim.tbl_filter(function(plugin)
      return plugin.usable
    end, answer and answer.plugins or {})
    return vim.tbl_map(function(plugin)
      return plugin.name
    end, usable)
  end)
end

local function run_names(is_wanted)
  local answer = answered('run/list', { limit = 100 })
  return vim.tbl_map(function(run)
    return run.id
  end, vim.tbl_filter(is_wanted, answer and answer.runs or {}))
end

-- Names of runs that can be cancelled.
function M.complete_live_run(lead, line, position)
  return complete_first(lead, line, position, function()
    return run_names(function(run)
      return not run.settled
    end)
  end)
end

-- Names of runs that can be resumed.
function M.complete_ended_run(lead, line, position)
  return complete_first(lead, line, position, function()
    return run_names(function(run)
      return run.settled and run.session
    end)
  end)
end

host.on_notification = function(method, params)
  if method == 'run/appended' then
    view.appended(params)
  elseif method == 'run/changed' then
    view.changed(params.run)
    list.refresh()
  end
end

host.on_vanished = function(reason)
  local message = ('the host has gone (%s), and with it what it ran'):format(reason)
  view.lost(message)
  vim.notify('reeve: ' .. message .. '; the next command starts another one (:checkhealth reeve)', vim.log.levels.ERROR)
end

vim.api.nvim_create_autocmd('VimLeavePre', { callback = host.stop, desc = 'reeve: tell the host' })

return M
