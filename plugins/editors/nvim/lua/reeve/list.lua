-- The list of runs, newest first: <CR> shows one, c cancels, r resumes, R looks again, q closes.
local events = require('reeve.events')
local host = require('reeve.host')
local view = require('reeve.view')

local M = {}
local api = vim.api

-- How many runs are listed.
local limit = 100

local buffer
-- The run on each line.
local rows = {}

local function cell(text, width)
  return text .. (' '):rep(width - vim.fn.strdisplaywidth(text))
end

local function line(run)
  local created = tostring(run.created):sub(1, 19):gsub('T', ' ')
  return table.concat({ run.id, created, cell(run.plugin, 12), events.status(run) }, '  ')
end

-- Which line has a run; nil if none has.
local function row_of(run)
  for row, candidate in ipairs(rows) do
    if candidate.id == run.id then
      return row
    end
  end
end

-- Does something that moves runs to other lines; cursors stay on their runs.
local function keeping_cursors(change)
  local chosen = {}
  for _, window in ipairs(vim.fn.win_findbuf(buffer)) do
    chosen[window] = rows[api.nvim_win_get_cursor(window)[1]]
  end
  change()
  for window, run in pairs(chosen) do
    local row = row_of(run)
    if row then
      api.nvim_win_set_cursor(window, { row, 0 })
    end
  end
end

local function render(runs)
  rows = runs
  local lines = vim.tbl_map(line, runs)
  if #lines == 0 then
    lines = { 'There are no runs.' }
  end
  vim.bo[buffer].modifiable = true
  api.nvim_buf_set_lines(buffer, 0, -1, true, lines)
  vim.bo[buffer].modifiable = false
end

local function make_buffer()
  buffer = view.new_buffer('reeve-runs', 'reeve://runs')
  local function map(key, action)
    vim.keymap.set('n', key, function()
      local run = rows[api.nvim_win_get_cursor(0)[1]]
      if run then
        action(run)
      end
    end, { buffer = buffer, nowait = true })
  end
  local reeve = require('reeve')
  map('<CR>', reeve.open)
  map('c', function(run)
    reeve.cancel(run.id)
  end)
  map('r', function(run)
    reeve.ask_and_resume(run.id)
  end)
  vim.keymap.set('n', 'R', M.refresh, { buffer = buffer, nowait = true })
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = buffer, nowait = true })
end

-- Asks again, if the list is to be seen.
function M.refresh()
  if not buffer or vim.fn.bufwinid(buffer) == -1 then
    return
  end
  host.request('run/list', { limit = limit }, function(failure, answer)
    if failure then
      require('reeve').complain(failure)
    elseif api.nvim_buf_is_loaded(buffer) then
      keeping_cursors(function()
        render(answer.runs)
      end)
    end
  end)
end

-- Shows the list.
function M.open()
  if not buffer or not api.nvim_buf_is_loaded(buffer) then
    make_buffer()
  end
  view.show(buffer)
  M.refresh()
end

return M
