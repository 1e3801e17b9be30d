// The command line: options, lifetime, and the message when the server is ready.

// Command kubesql-apiserver runs a Kubernetes API server and its etcd in one process on loopback, for tests.
//
// There is no kubelet, no scheduler and no controller: objects stay as clients write them, statuses included. A
// deployment creates no pods, and a deleted namespace stays until a client finalizes it. With -controllers there are the
// controllers and the scheduler of Kubernetes, and kwok instead of kubelets.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/klog/v2"
)

// The time limit from the start until the server is ready.
const startPatience = 2 * time.Minute

// The time that requests in flight have when the server stops.
const stopPatience = 5 * time.Second

type settings struct {
	listen         string
	data           string
	kubeconfig     string
	lifetime       time.Duration
	untilStdinEnds bool
	controllers    bool
	verbose        bool
	serverFlags    []string
}

func main() {
	var set settings
	flags := flag.NewFlagSet("kubesql-apiserver", flag.ExitOnError)
	flags.StringVar(&set.listen, "listen", "127.0.0.1:0", "loopback `address:port`; port 0 takes a free one")
	flags.StringVar(&set.data, "data", "",
		"`folder` of etcd's data, keys, log; with the data of an earlier run it goes on (default a temporary one, removed at the end)")
	flags.StringVar(&set.kubeconfig, "write-kubeconfig", "", "`path` of the kubeconfig (default kubeconfig in the data folder)")
	flags.DurationVar(&set.lifetime, "lifetime", 30*time.Minute, "stop after this `duration`; 0 never")
	flags.BoolVar(&set.untilStdinEnds, "until-stdin-closes", false, "stop when standard input ends, as it does with the parent process")
	flags.BoolVar(&set.controllers, "controllers", false,
		"also run the controller manager, the scheduler, and three nodes of kwok, from kubesql-controllers beside this program")
	flags.BoolVar(&set.verbose, "v", false, "log to standard error instead of a file in the data folder")
	flags.Func("with", "a `flag` of kube-apiserver, such as runtime-config=api/all=true; may be repeated", func(flag string) error {
		set.serverFlags = append(set.serverFlags, "--"+flag)
		return nil
	})
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "A Kubernetes API server with its etcd, for tests\n\nusage: kubesql-apiserver [flags]\n\n")
		flags.PrintDefaults()
		fmt.Fprint(flags.Output(), "\nContexts of the kubeconfig: default (may do all), limited (no rights until bound to a role),\n",
			"certificate (may do all, by a client certificate), expired (by one that has expired).\n")
	}
	_ = flags.Parse(os.Args[1:]) // exits on errors
	if flags.NArg() > 0 {
		fmt.Fprintf(flags.Output(), "%q is no flag\n", flags.Arg(0))
		os.Exit(2)
	}

	terminal := os.Stderr
	if err := run(&set); err != nil {
		fmt.Fprintln(terminal, "error:", err)
		os.Exit(1)
	}
}

// run serves until it is stopped.
func run(set *settings) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if set.lifetime > 0 {
		timeout, cancel := context.WithTimeout(ctx, set.lifetime)
		defer cancel()
		ctx = timeout
	}
	if set.untilStdinEnds {
		watched, cancel := context.WithCancel(ctx)
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
		ctx = watched
	}

	if set.data == "" {
		if set.data, err = os.MkdirTemp("", "kubesql-apiserver-"); err != nil {
			return err
		}
		// Kept after a failure for its log.
		defer func() {
			if err == nil {
				_ = os.RemoveAll(set.data)
			}
		}()
	}
	// Both servers use relative paths as they are.
	if set.data, err = filepath.Abs(set.data); err != nil {
		return err
	}
	if err := os.MkdirAll(set.data, 0o700); err != nil {
		return err
	}
	if set.kubeconfig == "" {
		set.kubeconfig = filepath.Join(set.data, "kubeconfig")
	}

	log := filepath.Join(set.data, "log")
	if set.verbose {
		log = "stderr"
	} else {
		file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		// All packages of Kubernetes write here; a panic still goes to the real standard error.
		os.Stderr = file
		klog.SetOutput(file)
	}
	if err := serve(ctx, set, log); err != nil {
		return fmt.Errorf("%w (log: %s)", err, log)
	}
	return nil
}

// serve starts etcd and the API server, says when they are ready, and stops them when the context ends.
func serve(ctx context.Context, set *settings, log string) error {
	keys, err := openKeys(filepath.Join(set.data, "keys"))
	if err != nil {
		return fmt.Errorf("keys and certificates: %w", err)
	}
	store, err := startEtcd(ctx, filepath.Join(set.data, "etcd"), log)
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer store.Close()

	server, err := startServer(ctx, set, keys, store.Clients[0].Addr().String())
	if err != nil {
		return fmt.Errorf("kube-apiserver: %w", err)
	}
	if err := server.waitUntilReady(ctx, keys); err != nil {
		if ctx.Err() != nil {
			return errors.New("told to stop before it was ready")
		}
		return fmt.Errorf("kube-apiserver: %w", err)
	}
	if err := writeKubeconfig(set.kubeconfig, server.url, keys); err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	if set.controllers {
		programs, err := startControllers(ctx, set, keys)
		if err != nil {
			return err
		}
		defer stopPrograms(programs)
	}
	fmt.Printf("%s is ready, kubeconfig: %s\n", server.url, set.kubeconfig)

	select {
	case err := <-server.ended:
		return fmt.Errorf("kube-apiserver ended: %w", err)
	case <-ctx.Done():
	}
	select {
	case <-server.ended:
	case <-time.After(stopPatience):
	}
	return nil
}
