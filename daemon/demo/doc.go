// Package demo plays one real, finished case (Heartbleed, 2014) between several
// organisations on this machine, and then checks what Cordon promises. Every
// organisation is a whole daemon with its own home, store, keys and listeners on
// loopback, run in this process; the demo speaks to each as an operator does,
// through package api's Client, and to nothing behind it.
//
// Main path: Play opens a stage (the daemons), runs the story (story.go) and the
// checks (promises.go); a teller prints.
package demo
