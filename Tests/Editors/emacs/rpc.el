;;; rpc.el --- A run through jsonrpc.el, without our package: start, stream, cancel  -*- lexical-binding: t; -*-

;;; Code:

(load (expand-file-name "check" (file-name-directory load-file-name)) nil t)

(defvar rpc-appended nil "The events that were streamed, oldest first.")
(defvar rpc-changed nil "The runs as their changes told, newest first.")
(defvar rpc-is-over nil "Whether the host has ended.")

(defun rpc-notified (_connection method params)
  "Take the notification METHOD with PARAMS."
  (pcase method
    ('run/appended
     (setq rpc-appended (append rpc-appended (plist-get params :events) nil)))
    ('run/changed
     (push (plist-get params :run) rpc-changed))))

(defvar rpc-connection
  (make-instance 'jsonrpc-process-connection
                 :name "driver"
                 :process (lambda ()
                            (make-process :name "driver" :command (list check-program "serve")
                                          :connection-type 'pipe :coding 'utf-8-emacs-unix :noquery t
                                          :stderr (get-buffer-create "*driver stderr*")))
                 :notification-dispatcher #'rpc-notified
                 :on-shutdown (lambda (_) (setq rpc-is-over t)))
  "The connection to the host.")

(defun rpc-call (method &rest params)
  "The result of METHOD with PARAMS."
  (let ((answer (check-call rpc-connection method (or params (make-hash-table)))))
    (check-expect (plist-member answer :result) (format "%s fails: %S" method answer))
    (plist-get answer :result)))

(defun rpc-start (script)
  "The name of a new run of SCRIPT."
  (let ((answer (rpc-call 'run/start :plugin "script" :prompt script :cwd check-folder :subscribe t)))
    (plist-get (plist-get answer :run) :id)))

(defun rpc-await-status (run status)
  "Wait until RUN is told to be in STATUS."
  (check-await (format "run %s is not %s: %S" run status rpc-changed)
               (lambda ()
                 (seq-some (lambda (change) (and (equal (plist-get change :id) run)
                                                 (equal (plist-get change :status) status)))
                           rpc-changed))))

(let ((answer (rpc-call 'initialize :clientInfo '(:name "driver"))))
  (check-expect (equal (plist-get (plist-get answer :serverInfo) :name) "reeve") (format "%S" answer)))
(jsonrpc-notify rpc-connection 'initialized (make-hash-table))
(check-ok "initialize")

(let ((run (rpc-start "echo '{\"type\":\"text\",\"text\":\"héllo\"}'; while [ ! -e go ]; do sleep 0.05; done
echo '{\"type\":\"result\",\"status\":\"ok\",\"output\":\"done\"}'")))
  (check-ok "start")
  (check-await "nothing is streamed"
               (lambda () (equal rpc-appended '((:type "text" :text "héllo")))))
  (check-touch "go")
  (check-await "the result is not streamed"
               (lambda () (equal (plist-get (nth 1 rpc-appended) :output) "done")))
  (rpc-await-status run "succeeded")
  (check-ok "stream"))

(let ((run (rpc-start "sleep 1000")))
  (check-expect (eq t (plist-get (rpc-call 'run/cancel :run run) :cancelled)) "it is not cancelled")
  (rpc-await-status run "cancelled")
  (check-ok "cancel"))

(let* ((answer (check-call rpc-connection 'run/get (list :run (make-string 26 ?0))))
       (failure (plist-get answer :error)))
  (check-expect (equal 1001 (plist-get failure :code)) (format "%S" answer)))
(check-ok "error")

;; This client has null for what is absent: parameters here.
(let ((answer (check-call rpc-connection 'shutdown nil)))
  (check-expect (equal answer '(:result nil)) (format "%S" answer)))
(jsonrpc-notify rpc-connection 'exit nil)
(check-await "the host does not end" (lambda () rpc-is-over))
(check-ok "exit")

;;; rpc.el ends here
