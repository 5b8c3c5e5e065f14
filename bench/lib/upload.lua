-- For wrk: each request is a POST with UPLOAD_BYTES of body.
wrk.method = "POST"
wrk.body = string.rep("x", tonumber(os.getenv("UPLOAD_BYTES")))
