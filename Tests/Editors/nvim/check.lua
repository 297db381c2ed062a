-- What the drivers have in common. A driver is run by `nvim --headless --clean -u DRIVER`; REEVE_PROGRAM is the program to
-- test, REEVE_FOLDER a folder to work in. It prints “ok NAME” for each thing that holds, and ends with code 1 and the
-- reason at the first that does not.
local M = {}

-- How long anything may take, in milliseconds: generous, for a busy machine.
local patience = 60000

-- What the user was told, oldest first.
M.notices = {}

vim.notify = function(message)
  table.insert(M.notices, message)
end

function M.ok(name)
  io.stdout:write('ok ' .. name .. '\n')
  io.stdout:flush()
end

function M.fail(reason)
  io.stderr:write(reason .. '\n')
  io.stderr:flush()
  vim.cmd('cquit 1')
end

-- All lines of a buffer as one text.
function M.text(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer or 0, 0, -1, true), '\n')
end

-- Waits until the condition holds; what is given as the last tells about a failure.
function M.await(what, condition, tell)
  if not vim.wait(patience, condition, 10) then
    M.fail(what .. ': ' .. (tell and tell() or M.text()) .. '\nnotices: ' .. vim.inspect(M.notices))
  end
end

-- Waits until the text of a buffer contains this, literally.
function M.await_text(wanted, buffer)
  M.await('“' .. wanted .. '” does not come', function()
    return M.text(buffer):find(wanted, 1, true) ~= nil
  end, function()
    return M.text(buffer)
  end)
end

-- Waits until the user was told this, literally.
function M.await_notice(wanted)
  M.await('nobody says “' .. wanted .. '”', function()
    return table.concat(M.notices, '\n'):find(wanted, 1, true) ~= nil
  end)
end

function M.expect(condition, what)
  if not condition then
    M.fail(what .. ': ' .. M.text() .. '\nnotices: ' .. vim.inspect(M.notices))
  end
end

-- Makes an empty file in the folder, for which a script waits.
function M.touch(name)
  vim.fn.writefile({}, M.folder .. '/' .. name)
end

-- Waits for a file in the folder.
function M.await_file(name)
  M.await('there is no file ' .. name, function()
    return vim.fn.filereadable(M.folder .. '/' .. name) == 1
  end)
end

-- Runs a driver to its end; an error in it is a failure.
function M.drive(driver)
  local is_done, reason = xpcall(driver, debug.traceback)
  if not is_done then
    M.fail(reason)
  end
  vim.cmd('qall!')
end

M.program = assert(os.getenv('REEVE_PROGRAM'), 'REEVE_PROGRAM is not set')
M.folder = assert(os.getenv('REEVE_FOLDER'), 'REEVE_FOLDER is not set')

-- Makes the plugin known to the editor, as a user would.
function M.load_plugin()
  local here = debug.getinfo(1, 'S').source:sub(2)
  local repository = vim.fn.fnamemodify(here, ':p:h:h:h:h')
  vim.opt.runtimepath:prepend(repository .. '/plugins/editors/nvim')
  vim.cmd('runtime plugin/reeve.lua')
  vim.cmd('cd ' .. vim.fn.fnameescape(M.folder))
  require('reeve').setup({ command = { M.program, 'serve' } })
end

return M
