// The programs beside the API server that make it a cluster whose deployments have pods that run.

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// The binary beside this one; see the package `controllers`.
const controllersName = "kubesql-controllers"

// The nodes, which kwok plays.
var nodeNames = []string{"node-1", "node-2", "node-3"}

type program struct {
	name    string
	command *exec.Cmd
	input   io.Closer
	ended   chan error
}

// startControllers starts the programs, and waits until the nodes are ready.
func startControllers(ctx context.Context, set *settings, keys *keys) ([]*program, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	binary := filepath.Join(filepath.Dir(own), controllersName+filepath.Ext(own))
	kubeconfig := "--kubeconfig=" + set.kubeconfig
	var programs []*program
	for _, arguments := range [][]string{
		{
			"kube-controller-manager", kubeconfig, "--leader-elect=false", "--secure-port=0",
			"--root-ca-file=" + keys.path(authority),
			"--service-account-private-key-file=" + keys.path(accounts+keyEnd),
		},
		{"kube-scheduler", kubeconfig, "--leader-elect=false", "--secure-port=0"},
		// Nodes without a renewed lease are not ready.
		{"kwok", kubeconfig, "--manage-all-nodes=true", "--node-lease-duration-seconds=40"},
	} {
		program, err := startProgram(binary, arguments, filepath.Join(set.data, "log-"+arguments[0]))
		if err != nil {
			stopPrograms(programs)
			return nil, fmt.Errorf("%s: %w", arguments[0], err)
		}
		programs = append(programs, program)
	}
	if err := makeNodes(ctx, set.kubeconfig, programs); err != nil {
		stopPrograms(programs)
		return nil, err
	}
	return programs, nil
}

func startProgram(binary string, arguments []string, log string) (*program, error) {
	output, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	command := exec.Command(binary, arguments...)
	command.Stdout, command.Stderr = output, output
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	program := &program{name: arguments[0], command: command, input: input, ended: make(chan error, 1)}
	go func() { program.ended <- command.Wait() }()
	return program, nil
}

// stopPrograms ends all programs: they end with their standard input.
func stopPrograms(programs []*program) {
	for _, program := range programs {
		_ = program.input.Close()
	}
	for _, program := range programs {
		select {
		case <-program.ended:
		case <-time.After(stopPatience):
			_ = program.command.Process.Kill()
		}
	}
}

// makeNodes creates the nodes, unless they are there from an earlier run, and waits until they are ready.
func makeNodes(ctx context.Context, kubeconfig string, programs []*program) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	nodes := client.CoreV1().Nodes()
	for _, name := range nodeNames {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name:   name,
			Labels: map[string]string{corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64"},
		}}
		if _, err := nodes.Create(ctx, node, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	deadline := time.Now().Add(startPatience)
	for {
		ready := 0
		if list, err := nodes.List(ctx, metav1.ListOptions{}); err == nil {
			for _, node := range list.Items {
				if len(node.Spec.Taints) == 0 && isReady(&node) {
					ready++
				}
			}
		}
		if ready == len(nodeNames) {
			return nil
		}
		for _, program := range programs {
			select {
			case err := <-program.ended:
				return fmt.Errorf("%s ended at once: %v", program.name, err)
			default:
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d nodes are ready", ready, len(nodeNames))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func isReady(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
