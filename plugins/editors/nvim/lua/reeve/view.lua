-- The buffer of a run: what was asked, what the agent says as it says it, and as the last line how it is going.
local events = require('reeve.events')
local host = require('reeve.host')

local M = {}
local api = vim.api

-- By run id. A view has its `buffer`; `run`, as the host last described it; `seen`, the number of the last event that is
-- shown; `has_spoken`, whether text was streamed; `is_at_line_start`; and `host`, the connection that events come from.
local views = {}

-- What was closed with :bdelete is still valid, and empty.
local function is_open(view)
  return api.nvim_buf_is_loaded(view.buffer)
end

-- A buffer for us, with this name if it has one yet.
function M.new_buffer(filetype, name)
  local buffer = api.nvim_create_buf(true, true)
  vim.bo[buffer].filetype = filetype
  vim.bo[buffer].undolevels = -1
  if name then
    M.name_buffer(buffer, name)
  end
  return buffer
end

-- Names a buffer. One that was closed with :bdelete keeps its name until it is wiped out.
function M.name_buffer(buffer, name)
  local old = vim.fn.bufnr('^' .. name .. '$')
  if old ~= -1 then
    api.nvim_buf_delete(old, { force = true })
  end
  api.nvim_buf_set_name(buffer, name)
end

local function edit(view, change)
  vim.bo[view.buffer].modifiable = true
  change(view.buffer)
  vim.bo[view.buffer].modifiable = false
end

-- Windows that stood on the last line stay there.
local function following_windows(buffer)
  local last = api.nvim_buf_line_count(buffer)
  return vim.tbl_filter(function(window)
    return api.nvim_win_get_cursor(window)[1] == last
  end, vim.fn.win_findbuf(buffer))
end

-- Adds text above the status line.
local function append(view, text)
  if text == '' then
    return
  end
  local windows = following_windows(view.buffer)
  edit(view, function(buffer)
    local row = api.nvim_buf_line_count(buffer) - 2
    local column = #api.nvim_buf_get_lines(buffer, row, row + 1, true)[1]
    api.nvim_buf_set_text(buffer, row, column, row, column, vim.split(text, '\n', { plain = true }))
  end)
  view.is_at_line_start = text:sub(-1) == '\n'
  for _, window in ipairs(windows) do
    api.nvim_win_set_cursor(window, { api.nvim_buf_line_count(view.buffer), 0 })
  end
end

local function append_line(view, line)
  append(view, (view.is_at_line_start and '' or '\n') .. line .. '\n')
end

local function set_status(view, text)
  edit(view, function(buffer)
    local count = api.nvim_buf_line_count(buffer)
    api.nvim_buf_set_lines(buffer, count - 1, count, true, { '-- ' .. text })
  end)
end

local function map_keys(buffer)
  local function map(key, action)
    vim.keymap.set('n', key, action, { buffer = buffer, nowait = true })
  end
  map('c', '<Cmd>ReeveCancel<CR>')
  map('r', function()
    require('reeve').ask_and_resume()
  end)
  map('q', '<Cmd>close<CR>')
end

local function new_view(title, prompt)
  local buffer = M.new_buffer('reeve')
  local view = { buffer = buffer, seen = 0, has_spoken = false, is_at_line_start = true }
  edit(view, function()
    api.nvim_buf_set_lines(buffer, 0, -1, true, { '# ' .. title, '', '', '-- starting' })
  end)
  map_keys(buffer)
  if prompt then
    append(view, '> ' .. prompt:gsub('\n', '\n> ') .. '\n\n')
  end
  return view
end

-- A window that shows this buffer, else one that shows another of ours; nil if there is none.
local function window_for(buffer)
  local window = vim.fn.bufwinid(buffer)
  if window ~= -1 then
    return window
  end
  return vim.tbl_filter(function(candidate)
    return vim.startswith(vim.bo[api.nvim_win_get_buf(candidate)].filetype, 'reeve')
  end, api.nvim_tabpage_list_wins(0))[1]
end

-- Goes to a buffer of ours. All of them share a window, unless the user arranges them otherwise.
function M.show(buffer)
  local window = window_for(buffer)
  if window then
    api.nvim_set_current_win(window)
  else
    vim.cmd('botright split')
  end
  api.nvim_win_set_buf(0, buffer)
end

local function show_end(view)
  M.show(view.buffer)
  api.nvim_win_set_cursor(0, { api.nvim_buf_line_count(view.buffer), 0 })
end

-- Binds a view to the run that it shows.
local function bind(view, run)
  view.run = run
  views[run.id] = view
  vim.b[view.buffer].reeve_run = run.id
  M.name_buffer(view.buffer, 'reeve://run/' .. run.id)
  set_status(view, events.status(run))
end

-- Shows a run that is being asked for. Call the returned function with the host's answer.
function M.begin(title, prompt)
  local view = new_view(title, prompt)
  show_end(view)
  return function(failure, answer)
    if not is_open(view) then
      return
    end
    if failure then
      set_status(view, 'not started: ' .. failure.message:gsub('%s+', ' '))
    else
      view.host = host.current()
      bind(view, answer.run)
    end
  end
end

-- Has the host send what is missing in a view, unless it does so already, and tell how the run is going: what a list says
-- of that may be old.
local function follow(view, complain)
  local id = view.run.id
  if not view.host or view.host ~= host.current() then
    host.request('run/subscribe', { run = id, after = view.seen }, function(failure)
      if failure then
        return complain(failure)
      end
      view.host = host.current()
    end)
  end
  host.request('run/get', { run = id }, function(failure, answer)
    if failure then
      return complain(failure)
    end
    M.changed(answer.run)
  end)
end

-- Shows a run that is known to the ledger, from its first event on, or goes on where it was left.
function M.open(run, complain)
  local view = views[run.id]
  if not view or not is_open(view) then
    view = new_view(('%s in %s'):format(run.plugin, run.cwd))
    bind(view, run)
  end
  show_end(view)
  follow(view, complain)
end

-- What an event adds to the buffer, or nil.
local function text_of(event, view)
  local words = events.delta(event)
  if not words and not view.has_spoken then
    words = events.answer(event)
  end
  if words then
    view.has_spoken = view.has_spoken or words ~= ''
    return words
  end
  local line = events.line(event)
  return line and (view.is_at_line_start and '' or '\n') .. line .. '\n'
end

-- The answer of an agent whose words Reeve knows and we do not.
local function add_unspoken_answer(view)
  local run = view.run
  if run.settled and run.text and not view.has_spoken and view.seen >= run.events then
    view.has_spoken = true
    append_line(view, run.text)
  end
end

-- The number of the first event that a notification tells of. One about a gap has the number of the last in its place.
local function first_number(params)
  local event = params.events[1]
  local is_gap = type(event) == 'table' and event.type == 'reeve.gap' and type(event.first) == 'number'
  return is_gap and event.first or params.first
end

-- Shows events, but for those that were shown already. If some are missing in between, a buffer was closed and opened
-- again: they are on their way, and after them these once more.
function M.appended(params)
  local view = views[params.run]
  if not view or not is_open(view) or first_number(params) > view.seen + 1 then
    return
  end
  local pieces = {}
  for index = math.max(view.seen - params.first + 2, 1), #params.events do
    local text = text_of(params.events[index], view)
    if text and text ~= '' then
      table.insert(pieces, text)
      view.is_at_line_start = text:sub(-1) == '\n'
    end
  end
  view.seen = math.max(view.seen, params.first + #params.events - 1)
  append(view, table.concat(pieces))
  add_unspoken_answer(view)
end

-- Shows how a run is going now.
function M.changed(run)
  local view = views[run.id]
  if not view then
    return
  end
  view.run = run
  if is_open(view) then
    add_unspoken_answer(view)
    set_status(view, events.status(run))
  end
end

-- Says in every live buffer that nothing more will come from the host.
function M.lost(message)
  for _, view in pairs(views) do
    if view.host and not view.run.settled and is_open(view) then
      append_line(view, '[host] ' .. message)
      set_status(view, 'unknown: ' .. message)
    end
    view.host = nil
  end
end

-- How many runs that are shown here are not over.
function M.live_count()
  local count = 0
  for _, view in pairs(views) do
    if view.host and not view.run.settled then
      count = count + 1
    end
  end
  return count
end

return M
