-- For wrk: the requests of the file REQUESTS_FILE in turn, a line each: its path, and a header's name and value if it has
-- one, with tabs between.
local requests = {}
local at = 0

function init()
  for line in io.lines(os.getenv("REQUESTS_FILE")) do
    local path, name, value = line:match("^([^\t]*)\t?([^\t]*)\t?(.*)$")
    local headers = {}
    if name ~= "" then headers[name] = value end
    requests[#requests + 1] = wrk.format("GET", path, headers)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end
