// Command kubesql-controllers runs one of the programs that make a cluster out of an API server, for tests: the controller
// manager and the scheduler of Kubernetes, and kwok, which plays the kubelets.
//
// The first argument is the name of the program, the others are its flags. They are in one binary, since they consist of
// the same packages, but each needs a process of its own, since their flags and feature gates are global.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	_ "time/tzdata" // Time zones of cron jobs.

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/component-base/cli"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	nodes "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	pods "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	"sigs.k8s.io/kwok/pkg/config"
	"sigs.k8s.io/kwok/pkg/kwok/cmd"
)

func main() {
	programs := map[string]func() (*cobra.Command, error){
		"kube-controller-manager": func() (*cobra.Command, error) { return controllermanager.NewControllerManagerCommand(), nil },
		"kube-scheduler":          func() (*cobra.Command, error) { return scheduler.NewSchedulerCommand(), nil },
		"kwok":                    kwok,
	}
	if len(os.Args) < 2 || programs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: kubesql-controllers kube-controller-manager|kube-scheduler|kwok [flags]")
		os.Exit(2)
	}
	os.Args = os.Args[1:]
	// Standard input ends when the API server does, even if it is killed.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	command, err := programs[os.Args[0]]()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(cli.Run(command))
}

// kwok returns the command of kwok, with the stages that it has for fast nodes and pods: a node is ready at once, a pod
// runs at once, and a pod of a job is done at once.
func kwok() (*cobra.Command, error) {
	file, err := os.CreateTemp("", "kwok-stages-*.yaml")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	stages := []string{nodes.DefaultNodeInit, pods.DefaultPodReady, pods.DefaultPodComplete, pods.DefaultPodDelete}
	if _, err := file.WriteString(strings.Join(stages, "\n---\n")); err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	os.Args = append(os.Args, "--config="+file.Name())
	flags := pflag.NewFlagSet("kwok", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, err := config.InitFlags(context.Background(), flags)
	if err != nil {
		return nil, err
	}
	command := cmd.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(flags)
	command.SetContext(ctx)
	// Kubernetes' packages define a global flag with that name, of another type.
	command.Version = ""
	return command, nil
}
