-- Starts a run that does not end by itself, says so, and waits to be killed.
local check = dofile(vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p:h') .. '/check.lua')
check.load_plugin()

check.drive(function()
  vim.cmd('ReeveRun script sleep 1000 & touch live; wait')
  check.await_file('live')
  check.await_text('-- running')
  check.ok('live')
  vim.wait(600000, function()
    return false
  end)
end)
