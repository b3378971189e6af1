package org.modelfailover.kit;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A line to a server of this machine that can be cut, as a network is: what is sent is neither
 * delivered nor refused. Or it can be slow.
 */
public final class Line implements AutoCloseable {
    private final ServerSocket socket;
    private final int target;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private volatile boolean cut;
    private volatile long delay;

    private Line(ServerSocket socket, int target) {
        this.socket = socket;
        this.target = target;
    }

    /** A line to a port of this machine. */
    public static Line to(int target) {
        try {
            ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
            Line line = new Line(socket, target);
            start(line::accept);
            return line;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void start(Runnable work) {
        Thread thread = new Thread(work, "line");
        thread.setDaemon(true);
        thread.start();
    }

    public int port() {
        return socket.getLocalPort();
    }

    private void accept() {
        while (!socket.isClosed()) {
            try {
                Socket client = socket.accept();
                open.add(client);
                if (cut) {
                    // It stays open, and nothing comes.
                    continue;
                }
                Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
                open.add(server);
                start(() -> pass(client, server));
                start(() -> pass(server, client));
            } catch (IOException e) {
                // The server is away, or the line is closed.
            }
        }
    }

    private void pass(Socket from, Socket to) {
        byte[] bytes = new byte[8192];
        try (from;
                to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int length = in.read(bytes); length >= 0; length = in.read(bytes)) {
                if (delay > 0) {
                    Thread.sleep(delay);
                }
                while (cut && !from.isClosed()) {
                    Thread.sleep(20);
                }
                out.write(bytes, 0, length);
            }
        } catch (IOException e) {
            // One of both has gone.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** From now on nothing is delivered. */
    public void cut() {
        cut = true;
    }

    /** It is whole again: connections of before are gone. */
    public void mend() {
        cut = false;
        closeAll();
    }

    /** Each piece is that late from now on, in milliseconds. */
    public void slow(long millis) {
        delay = millis;
    }

    private void closeAll() {
        for (Socket one : open) {
            try {
                one.close();
            } catch (IOException e) {
                // It is gone.
            }
            open.remove(one);
        }
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            // It is gone.
        }
        closeAll();
    }
}
